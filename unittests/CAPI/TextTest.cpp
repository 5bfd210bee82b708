//===- TextTest.cpp - The C API of the text around a model ----------------===//

#include "winnow/Text.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>

TEST(TextApi, RefusesNullPointers) {
  char message[100] = "untouched";
  EXPECT_EQ(winnow_tokenizer_open(nullptr, message, sizeof message), nullptr);
  EXPECT_STRNE(message, "untouched");
  EXPECT_EQ(winnow_tokenizer_open("no such file", nullptr, 0), nullptr);
  EXPECT_EQ(winnow_tokenizer_parse(nullptr, 4, nullptr, 0), nullptr);
  EXPECT_EQ(winnow_tokenizer_parse("text", 4, message, sizeof message),
            nullptr);
  winnow_tokenizer_close(nullptr);
  EXPECT_EQ(winnow_tokenizer_encode(nullptr, "a", 1, 0, nullptr, 0), -1);
  EXPECT_EQ(winnow_tokenizer_decode(nullptr, nullptr, 0, 0, nullptr, 0), -1);
  EXPECT_EQ(winnow_tokenizer_size(nullptr), 0);
  EXPECT_EQ(winnow_tokenizer_find(nullptr, "a", 1), -1);
  EXPECT_EQ(winnow_tokenizer_piece(nullptr, 0, nullptr, 0), -1);
  EXPECT_EQ(winnow_tokenizer_chat_template(nullptr, nullptr, 0), -1);
  EXPECT_EQ(winnow_tokenizer_ends(nullptr, 0), 0);
  EXPECT_EQ(winnow_tokenizer_bos(nullptr), -1);
  EXPECT_EQ(winnow_tokenizer_eos(nullptr), -1);
  size_t size = 7;
  EXPECT_EQ(winnow_text_stream_create(nullptr, nullptr, 1, nullptr, 0),
            nullptr);
  EXPECT_EQ(winnow_text_stream_add_text(nullptr, "a", 1, &size), nullptr);
  EXPECT_EQ(winnow_text_stream_add(nullptr, 1, &size), nullptr);
  EXPECT_EQ(winnow_text_stream_finish(nullptr, &size), nullptr);
  EXPECT_EQ(winnow_text_stream_stopped(nullptr), 0);
  winnow_text_stream_destroy(nullptr);
  winnow_sampler_destroy(nullptr);
  EXPECT_EQ(winnow_sampler_sample(nullptr, nullptr, 0), -1);
}

TEST(TextApi, RendersConversations) {
  std::string source = "{{ bos_token }}{% for m in messages %}{{ m.role }}: "
                       "{{ m.content }}|{% endfor %}"
                       "{% if add_generation_prompt %}assistant: {% endif %}";
  winnow_chat_message messages[] = {{"user", "Hi\0!", 4}};
  winnow_chat_options options = {};
  char text[64] = "", error[100] = "";
  auto render = [&](const winnow_chat_options *given, int64_t capacity) {
    return winnow_chat_render(source.data(), source.size(), messages, 1, given,
                              text, capacity, error, sizeof error);
  };
  EXPECT_EQ(render(&options, sizeof text), -1);
  EXPECT_STREQ(error, "chat options: struct_size is not set");
  options.struct_size = sizeof options;
  options.bos_token = "<s>";
  std::string expected("<s>user: Hi\0!|assistant: ", 25);
  ASSERT_EQ(render(&options, 5), 25);
  EXPECT_EQ(std::string(text, 6), std::string("<s>us\0", 6));
  ASSERT_EQ(render(&options, sizeof text), 25);
  EXPECT_EQ(std::string(text, 25), expected);
  options.without_prompt = 1;
  EXPECT_EQ(render(&options, sizeof text), 14);
  EXPECT_EQ(render(nullptr, 0), 22);
  messages[0].role = nullptr;
  EXPECT_EQ(render(nullptr, 0), -1);
  source = "\n{% fi %}";
  EXPECT_EQ(render(nullptr, 0), -1);
  EXPECT_STREQ(error, "chat template, line 2: unknown block 'fi'");
  EXPECT_EQ(winnow_chat_render(nullptr, 0, nullptr, 1, nullptr, nullptr, 0,
                               nullptr, 0),
            -1);
  EXPECT_EQ(winnow_chat_render(nullptr, 0, nullptr, 0, nullptr, nullptr, 0,
                               nullptr, 0),
            0);
}

TEST(TextApi, StreamsOfText) {
  const char *stops[] = {"END", ""};
  EXPECT_EQ(winnow_text_stream_create(nullptr, stops, 2, nullptr, 0), nullptr);
  winnow_text_stream *stream =
      winnow_text_stream_create(nullptr, stops, 1, nullptr, 0);
  ASSERT_NE(stream, nullptr);
  size_t size = 0;
  // Without a tokenizer ids mean nothing.
  EXPECT_EQ(winnow_text_stream_add(stream, 1, &size), nullptr);
  EXPECT_EQ(winnow_text_stream_add_text(stream, nullptr, 1, &size), nullptr);
  EXPECT_STREQ(winnow_text_stream_add_text(stream, "one E", 5, &size), "one ");
  EXPECT_EQ(size, 4u);
  EXPECT_STREQ(winnow_text_stream_add_text(stream, "ve", 2, &size), "Eve");
  EXPECT_STREQ(winnow_text_stream_add_text(stream, "E", 1, &size), "");
  EXPECT_EQ(winnow_text_stream_stopped(stream), 0);
  EXPECT_STREQ(winnow_text_stream_add_text(stream, "ND more", 7, &size), "");
  EXPECT_NE(winnow_text_stream_stopped(stream), 0);
  EXPECT_STREQ(winnow_text_stream_finish(stream, &size), "");
  winnow_text_stream_destroy(stream);
}

TEST(TextApi, MessagesFitIntoTheirBuffer) {
  char message[8] = "1234567";
  EXPECT_EQ(winnow_tokenizer_open("no such file", message, 5), nullptr);
  EXPECT_EQ(std::string(message).size(), 4u);
  EXPECT_STREQ(message + 5, "67");
  EXPECT_EQ(winnow_tokenizer_open("no such file", message, 1), nullptr);
  EXPECT_STREQ(message, "");
}

TEST(TextApi, SamplersCheckTheirNumbers) {
  float logits[] = {1, 3, 2, -INFINITY};
  winnow_sampler *greedy = winnow_sampler_create(nullptr, nullptr, 0);
  ASSERT_NE(greedy, nullptr);
  EXPECT_EQ(winnow_sampler_sample(greedy, logits, 4), 1);
  EXPECT_EQ(winnow_sampler_sample(greedy, logits, 0), -1);
  EXPECT_EQ(winnow_sampler_sample(greedy, nullptr, 4), -1);
  EXPECT_EQ(winnow_sampler_sample(greedy, logits + 3, 1), -1);
  winnow_sampler_destroy(greedy);

  winnow_sampler_options good = {};
  good.struct_size = sizeof good;
  good.temperature = 1;
  good.top_p = 1;
  auto creates = [](winnow_sampler_options options) {
    winnow_sampler *sampler = winnow_sampler_create(&options, nullptr, 0);
    winnow_sampler_destroy(sampler);
    return sampler != nullptr;
  };
  EXPECT_TRUE(creates(good));
  double nan = std::numeric_limits<double>::quiet_NaN();
  for (double bad : {-1.0, nan, 1e300}) {
    winnow_sampler_options options = good;
    options.temperature = bad;
    EXPECT_FALSE(creates(options)) << bad;
    options = good;
    options.top_p = bad;
    EXPECT_FALSE(creates(options)) << bad;
    options = good;
    options.min_p = bad;
    EXPECT_FALSE(creates(options)) << bad;
  }
  winnow_sampler_options options = good;
  options.top_k = -1;
  EXPECT_FALSE(creates(options));
  options = good;
  options.struct_size = 4;
  EXPECT_FALSE(creates(options));
}
