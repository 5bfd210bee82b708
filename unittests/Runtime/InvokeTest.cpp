//===- InvokeTest.cpp - Any entry point on plain arrays -------------------===//

#include "SessionFixture.h"

#include <limits>

namespace {
class Invoke : public SessionFixture {
protected:
  void SetUp() override {
    SessionFixture::SetUp();
    winnow_session_options options = sized();
    options.threads = 2;
    session = create(options);
  }
};
} // namespace

TEST_F(Invoke, ComparesTensorsWithTheEntry) {
  std::vector<float> x = {1, 2, 3, 4, 5, 6}, y(6);
  winnow_tensor input = {WINNOW_F32, 2, {2, 3}, x.data()};
  winnow_tensor output = {WINNOW_F32, 2, {2, 3}, y.data()};
  ASSERT_EQ(api->invoke(session, "increment", &input, 1, &output, 1, &error),
            WINNOW_OK)
      << error.message;
  EXPECT_EQ(y, (std::vector<float>{2, 3, 4, 5, 6, 7}));

  auto status = [&](winnow_tensor in, winnow_tensor out) {
    return api->invoke(session, "increment", &in, 1, &out, 1, &error);
  };
  winnow_tensor bad = input;
  bad.dtype = WINNOW_I32;
  EXPECT_EQ(status(bad, output), WINNOW_INVALID_ARGUMENT);
  bad = input;
  bad.rank = 1;
  EXPECT_EQ(status(bad, output), WINNOW_INVALID_ARGUMENT);
  bad = input;
  bad.shape[1] = 4;
  EXPECT_EQ(status(bad, output), WINNOW_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "increment: dimension 1 of x is 4, expected 3");
  bad = output;
  bad.shape[0] = 3;
  EXPECT_EQ(status(input, bad), WINNOW_INVALID_ARGUMENT);
  bad = output;
  bad.data = nullptr;
  EXPECT_EQ(status(input, bad), WINNOW_INVALID_ARGUMENT);
  winnow_tensor none = {WINNOW_F32, 2, {0, 3}, nullptr};
  EXPECT_EQ(status(none, none), WINNOW_OK) << error.message;
  EXPECT_EQ(api->invoke(session, "increment", &input, 1, &output, 0, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->invoke(session, "missing", &input, 1, &output, 1, &error),
            WINNOW_UNSUPPORTED);
  EXPECT_EQ(api->invoke(session, "forward", &input, 1, &output, 1, &error),
            WINNOW_UNSUPPORTED);
}

TEST_F(Invoke, KeepsTheCachesOfItsEntry) {
  int64_t lengths[2] = {};
  auto append = [&](std::vector<int32_t> segments) {
    return appendTokens(segments, lengths);
  };
  EXPECT_EQ(append(repeat(0, 9)), WINNOW_OK) << error.message;
  EXPECT_EQ(lengths[0], 9);
  EXPECT_EQ(lengths[1], 9);
  EXPECT_EQ(append(repeat(0, 9)), WINNOW_CONTEXT_OVERRUN);
  EXPECT_EQ(append({1, -1}), WINNOW_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "append: segment -1 at index 1 is negative");
  // A chunk each for two segments more.
  EXPECT_EQ(append({5, 6, 5, 5, 6, 0, 6}), WINNOW_OK) << error.message;
  EXPECT_EQ(lengths[0], 16);
  EXPECT_EQ(lengths[1], 2 * WINNOW_KV_CHUNK + 3);
  EXPECT_EQ(api->reset(session), WINNOW_OK);
  EXPECT_EQ(append(repeat(3, 7)), WINNOW_OK);
  EXPECT_EQ(lengths[0], 7);
  EXPECT_EQ(lengths[1], 7);
}

/// Numbers that choose rows: of `x`, and at most the first four of them.
TEST_F(Invoke, NumbersOutOfRangeAreErrors) {
  const std::vector<float> x = {0,  1,  2,  10, 11, 12, 20, 21,
                                22, 30, 31, 32, 40, 41, 42};
  std::vector<int32_t> rows = {2, 0, 1};
  const std::vector<float> untouched(9, -1);
  std::vector<float> y = untouched;
  auto choose = [&](int64_t count) {
    winnow_tensor inputs[] = {
        {WINNOW_F32, 2, {count, 3}, const_cast<float *>(x.data())},
        {WINNOW_I32, 1, {static_cast<int64_t>(rows.size())}, rows.data()}};
    winnow_tensor output = {
        WINNOW_F32, 2, {static_cast<int64_t>(rows.size()), 3}, y.data()};
    return api->invoke(session, "choose", inputs, 2, &output, 1, &error);
  };
  ASSERT_EQ(choose(3), WINNOW_OK) << error.message;
  EXPECT_EQ(y, (std::vector<float>{20, 21, 22, 0, 1, 2, 10, 11, 12}));

  y = untouched;
  EXPECT_EQ(choose(2), WINNOW_INDEX_OUT_OF_RANGE);
  EXPECT_EQ(error.status, WINNOW_INDEX_OUT_OF_RANGE);
  EXPECT_STREQ(error.message, "choose: 2 at index 0 of rows is not in [0, 2)");
  rows = {3, 3, 4};
  EXPECT_EQ(choose(5), WINNOW_INDEX_OUT_OF_RANGE);
  EXPECT_STREQ(error.message, "choose: 4 at index 2 of rows is not in [0, 4)");
  rows = {3, std::numeric_limits<int32_t>::min(), 7};
  EXPECT_EQ(choose(4), WINNOW_INDEX_OUT_OF_RANGE);
  EXPECT_STREQ(error.message,
               "choose: -2147483648 at index 1 of rows is not in [0, 4)");
  rows = {0, 0, 0};
  EXPECT_EQ(choose(0), WINNOW_INDEX_OUT_OF_RANGE);
  EXPECT_STREQ(error.message, "choose: 0 at index 0 of rows is not in [0, 0)");
  EXPECT_EQ(y, untouched);
  rows.clear();
  EXPECT_EQ(choose(0), WINNOW_OK) << error.message;
  rows = {3, 2, 1};
  EXPECT_EQ(choose(4), WINNOW_OK) << error.message;
  EXPECT_EQ(y[0], 30);
}
