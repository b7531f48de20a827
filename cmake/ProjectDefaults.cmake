# Compiler settings that every target shares.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# All programs lie beside each other: onecopy finds the others in its own folder.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(onecopy_options INTERFACE)
target_include_directories(onecopy_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(onecopy_options INTERFACE -Wall -Wextra -Wconversion -Wsign-conversion
  $<$<BOOL:${ONECOPY_WERROR}>:-Werror>)
target_compile_definitions(onecopy_options INTERFACE ONECOPY_VERSION="${PROJECT_VERSION}")
if(ONECOPY_SANITIZE)
  add_compile_options(-fsanitize=${ONECOPY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # g++ reports what the sanitizers' own code seems to do
  add_link_options(-fsanitize=${ONECOPY_SANITIZE})
endif()
if(ONECOPY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
