#include "gateway/api/request_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

using testing::AllOf;
using testing::HasSubstr;

template <class T>
std::string error_of(const Result<T>& result, ErrorCode code = ErrorCode::kInvalidArgument) {
  if (result) return "no error";
  EXPECT_EQ(result.error().code, code) << result.error().text;
  EXPECT_EQ(result.error().text.find('\n'), std::string::npos);
  return result.error().text;
}

Result<Work> question(const std::string& json) {
  auto fields = RequestFields::from_json(json);
  if (!fields) return tl::unexpected(fields.error());
  return parse_question(std::move(*fields));
}
Result<Work> asked(std::vector<std::pair<std::string, std::string>> query) {
  auto fields = RequestFields::from_query(std::move(query));
  if (!fields) return tl::unexpected(fields.error());
  return parse_question(std::move(*fields));
}
Result<Work> classification(const std::string& json) {
  return parse_classification(RequestFields::from_json(json).value());
}
Result<EmbedRequest> embedding(const std::string& json) {
  return parse_embed(RequestFields::from_json(json).value());
}
std::string with(const std::string& more) {
  return R"({"question": "q", "context": "c", )" + more + "}";
}

TEST(ParseQuestion, HasThePipelinesDefaults) {
  const auto work = question(R"({"question": "q", "context": "c"})");
  ASSERT_TRUE(work);
  EXPECT_EQ(work->texts[0].text, "q");
  EXPECT_EQ(work->texts[0].pair, "c");
  EXPECT_EQ(work->qa.top_k, 1);
  EXPECT_EQ(work->qa.doc_stride, -1);
  EXPECT_EQ(work->qa.max_seq_len, -1);
  EXPECT_EQ(work->qa.max_answer_len, 15);
  EXPECT_EQ(work->qa.handle_impossible_answer, 0);
  EXPECT_EQ(work->qa.align_to_words, 1);
}

TEST(ParseQuestion, TakesEveryParameterFromBodyAndQuery) {
  const auto body = question(with(R"("top_k": 3, "doc_stride": 0, "max_seq_len": 64,
      "max_answer_len": 5, "max_question_len": 9, "handle_impossible_answer": true,
      "align_to_words": false, "sentencekey": null)"));
  const auto query = asked({{"question", "q"},
                            {"context", "c"},
                            {"top_k", "3"},
                            {"doc_stride", "0"},
                            {"max_seq_len", "64"},
                            {"max_answer_len", "5"},
                            {"max_question_len", "9"},
                            {"handle_impossible_answer", "1"},
                            {"align_to_words", "false"}});
  for (const auto* work : {&body, &query}) {
    ASSERT_TRUE(*work) << work->error().text;
    EXPECT_EQ((*work)->qa.top_k, 3);
    EXPECT_EQ((*work)->qa.doc_stride, 0);
    EXPECT_EQ((*work)->qa.max_seq_len, 64);
    EXPECT_EQ((*work)->qa.max_answer_len, 5);
    EXPECT_EQ((*work)->qa.max_question_len, 9);
    EXPECT_EQ((*work)->qa.handle_impossible_answer, 1);
    EXPECT_EQ((*work)->qa.align_to_words, 0);
  }
}

TEST(ParseQuestion, NamesFieldAndLimit) {
  EXPECT_THAT(error_of(question(R"({"question": "", "context": ""})")),
              HasSubstr("question cannot be empty"));
  EXPECT_THAT(error_of(question(R"({"question": "q", "context": ""})")),
              HasSubstr("context cannot be empty"));
  EXPECT_THAT(error_of(question(R"({"context": "c"})")), HasSubstr("question is missing"));
  EXPECT_THAT(error_of(question(R"({"question": "q"})")), HasSubstr("context is missing"));
  EXPECT_THAT(error_of(question(R"({"question": 5, "context": "c"})")),
              HasSubstr("question must be a string, not 5"));
  EXPECT_THAT(error_of(question(with(R"("top_k": 0)"))),
              HasSubstr("top_k must be an integer from 1 to 1000, not 0"));
  EXPECT_THAT(error_of(question(with(R"("top_k": 1001)"))), HasSubstr("not 1001"));
  EXPECT_THAT(error_of(question(with(R"("top_k": "3")"))), HasSubstr("not '3'"));
  EXPECT_THAT(error_of(question(with(R"("top_k": 3.0)"))), HasSubstr("not 3.0"));
  EXPECT_THAT(error_of(question(with(R"("top_k": 1e400)"))), HasSubstr("JSON"));
  EXPECT_THAT(error_of(question(with(R"("max_answer_len": 0)"))), HasSubstr("max_answer_len"));
  EXPECT_THAT(error_of(question(with(R"("doc_stride": -1)"))), HasSubstr("doc_stride"));
  EXPECT_THAT(error_of(question(with(R"("doc_stride": 18446744073709551615)"))),
              HasSubstr("doc_stride"));
  EXPECT_THAT(error_of(question(with(R"("align_to_words": 1)"))),
              HasSubstr("align_to_words must be true or false"));
  EXPECT_THAT(error_of(question(with(R"("topk": 3)"))),
              AllOf(HasSubstr("'topk'"), HasSubstr("top_k")));
  EXPECT_THAT(error_of(asked({{"question", "q"}, {"context", "c"}, {"top_k", "3x"}})),
              HasSubstr("not '3x'"));
  EXPECT_THAT(error_of(asked({{"question", "q"}, {"context", "c"}, {"top_k", ""}})),
              HasSubstr("top_k"));
  EXPECT_THAT(error_of(asked({{"question", "q"}, {"question", "r"}})), HasSubstr("twice"));
  EXPECT_THAT(error_of(asked({{"question", "\xFF"}})), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of(asked({{"question", "q"}, {"context", "c"}, {"align_to_words", "yes"}})),
              HasSubstr("align_to_words"));
  EXPECT_THAT(error_of(question(with(R"("sentencekey": "k")"))), HasSubstr("not both"));
  EXPECT_THAT(error_of(question(R"({"question": "q", "sentencekey": "k"})"), ErrorCode::kNotFound),
              HasSubstr("'k'"));
}

TEST(ParseQuestion, BoundsTexts) {
  const std::string most(limits::kTextBytes, 'a');
  EXPECT_TRUE(question(R"({"question": "q", "context": ")" + most + "\"}"));
  EXPECT_THAT(
      error_of(question(R"({"question": "q", "context": ")" + most + "b\"}"), ErrorCode::kTooLarge),
      HasSubstr("context has 1048577 bytes"));
}

TEST(ParseQuestion, RefusesJsonThatIsNone) {
  for (const char* body :
       {"", "[]", "1", "{", R"({"question": "\ud800"})", "{\"question\": \"\xFF\"}",
        R"({"question": "q", "question": "r"})", R"({"question": NaN})"}) {
    EXPECT_NE(error_of(question(body)), "no error") << body;
  }
  EXPECT_NE(error_of(question(std::string(100'000, '['))), "no error");
  EXPECT_NE(error_of(question(with("\"top_k\": " + std::string(9, '[') + std::string(9, ']')))),
            "no error");
}

TEST(ParseQuestion, TakesNulAndSurrogatePairs) {
  const auto work = question(R"({"question": "a\u0000b", "context": "\ud83d\ude00"})");
  ASSERT_TRUE(work);
  EXPECT_EQ(work->texts[0].text, std::string("a\0b", 3));
  EXPECT_EQ(work->texts[0].pair, "\xF0\x9F\x98\x80");
}

TEST(ParseClassification, TakesItsFields) {
  const auto plain = classification(R"({"text": ""})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->texts[0].pair, std::nullopt);
  EXPECT_EQ(plain->text_params.truncate, 1);
  EXPECT_EQ(plain->text_params.function, FunctionToApply::kDefault);
  EXPECT_EQ(plain->text_params.max_length, -1);
  const auto full =
      classification(R"({"text": "a", "text_pair": "b", "function_to_apply": "sigmoid",
      "truncation": false, "max_length": 12})");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->texts[0].pair, "b");
  EXPECT_EQ(full->text_params.truncate, 0);
  EXPECT_EQ(full->text_params.function, FunctionToApply::kSigmoid);
  EXPECT_EQ(full->text_params.max_length, 12);
  EXPECT_THAT(error_of(classification(R"({"text": "a", "function_to_apply": "tanh"})")),
              HasSubstr("'tanh'"));
  EXPECT_THAT(error_of(classification(R"({"text": ["a"]})")),
              HasSubstr("text must be a string, not a list"));
  EXPECT_THAT(error_of(classification(R"({"text": "a", "max_length": 0})")),
              HasSubstr("max_length"));
}

TEST(ParsePlainText, ChecksTheText) {
  EXPECT_EQ(parse_plain_text("a")->texts[0].text, "a");
  EXPECT_THAT(error_of(parse_plain_text("")), HasSubstr("empty"));
  EXPECT_THAT(error_of(parse_plain_text("\xC3")), HasSubstr("UTF-8"));
  EXPECT_THAT(
      error_of(parse_plain_text(std::string(limits::kTextBytes + 1, 'a')), ErrorCode::kTooLarge),
      HasSubstr("1048577"));
}

TEST(ParseEmbed, TakesOneTextOrAList) {
  EXPECT_EQ(embedding(R"({"inputs": "a"})")->work.texts.size(), 1U);
  const auto list =
      embedding(R"({"inputs": ["a", ""], "model": "m", "normalize": false, "truncate": false})");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->work.texts.size(), 2U);
  EXPECT_EQ(list->model, "m");
  EXPECT_EQ(list->work.text_params.normalize, 0);
  EXPECT_EQ(list->work.text_params.truncate, 0);
  EXPECT_EQ(embedding(R"({"inputs": "a"})")->work.text_params.normalize, kAsModelSays);
  EXPECT_THAT(error_of(embedding(R"({"inputs": []})")), HasSubstr("inputs has 0 texts"));
  EXPECT_THAT(error_of(embedding(R"({"inputs": ["a", 5]})")), HasSubstr("inputs[1] is 5"));
  EXPECT_THAT(error_of(embedding(R"({"inputs": 5})")), HasSubstr("inputs must be a string"));
  EXPECT_THAT(error_of(embedding("{}")), HasSubstr("inputs is missing"));
  std::string many = R"({"inputs": [""])";
  many.pop_back();
  for (std::size_t i = 0; i < limits::kEmbedInputs; ++i) many += R"(, "")";
  EXPECT_THAT(error_of(embedding(many + "]}"), ErrorCode::kTooLarge), HasSubstr("1 to 1024"));
}

TEST(IsJsonBody, FollowsTheContentType) {
  EXPECT_TRUE(is_json_body("application/json", "text"));
  EXPECT_TRUE(is_json_body("application/ld+json", "text"));
  EXPECT_FALSE(is_json_body("text/plain", R"({"text": "a"})"));
  for (const char* type : {"", "application/x-www-form-urlencoded", "application/octet-stream"}) {
    EXPECT_TRUE(is_json_body(type, " {\"text\": \"a\"}"));
    EXPECT_FALSE(is_json_body(type, "a {text}"));
    EXPECT_FALSE(is_json_body(type, ""));
    EXPECT_TRUE(check_text_type(type));
  }
  EXPECT_TRUE(check_text_type("application/json"));
  EXPECT_TRUE(check_text_type("text/plain"));
  EXPECT_THAT(error_of(check_text_type("image/png"), ErrorCode::kMediaType),
              HasSubstr("image/png"));
}

TEST(ParseTimeout, TakesWholeMilliseconds) {
  EXPECT_EQ(parse_timeout(std::nullopt).value(), std::nullopt);
  EXPECT_EQ(parse_timeout("600000").value(), Milliseconds(600'000));
  for (const char* bad : {"", "0", "-1", "1.5", "1s", "600001", "99999999999999999999"}) {
    EXPECT_THAT(error_of(parse_timeout(bad)), HasSubstr("1 to 600000")) << bad;
  }
}

}  // namespace
}  // namespace onecopy::gateway
