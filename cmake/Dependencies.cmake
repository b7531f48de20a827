# Debian 12's packages, and libtorch from the Python package torch (see the Makefile's setup target).
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(fmt 9.1 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(tomlplusplus 3.3 REQUIRED)


find_package(PkgConfig REQUIRED)
pkg_check_modules(httplib REQUIRED IMPORTED_TARGET cpp-httplib>=0.11.4)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy>=1.0.3)
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson>=3.0)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)

# libtorch: only the few files that include its headers link this target. Its include folder carries
# another fmt than Debian's, so it must not reach any other file.
if(ONECOPY_TORCH)
  file(GLOB torch_root "${ONECOPY_VENV}/lib/python3*/site-packages/torch")
  if(NOT torch_root)
    message(FATAL_ERROR "No torch in ${ONECOPY_VENV}: run 'make setup', or configure with -DONECOPY_TORCH=OFF")
  endif()
  add_library(onecopy_torch INTERFACE)
  target_include_directories(onecopy_torch SYSTEM INTERFACE "${torch_root}/include")
  target_link_libraries(onecopy_torch INTERFACE "${torch_root}/lib/libtorch_cpu.so" "${torch_root}/lib/libc10.so")
  target_link_options(onecopy_torch INTERFACE "-Wl,-rpath,${torch_root}/lib")
endif()
