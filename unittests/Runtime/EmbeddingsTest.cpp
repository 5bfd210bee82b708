//===- EmbeddingsTest.cpp - Rows in place of token ids --------------------===//

#include "SessionFixture.h"

namespace {

class Embeddings : public SessionFixture {
protected:
  winnow_status feedRows(winnow_session *to, const std::vector<int32_t> &ids,
                         winnow_rows rows = WINNOW_ROWS_LAST,
                         int64_t width = FAKE_WIDTH) {
    std::vector<float> values;
    for (int32_t id : ids) {
      values.push_back(static_cast<float>(id) - 0.5f);
      values.push_back(0.5f);
    }
    winnow_embeddings call = {values.data(), width, nullptr, nullptr,
                              static_cast<int64_t>(ids.size())};
    return api->prefill_embeddings(to, &call, rows, &error);
  }
};

} // namespace

TEST_F(Embeddings, TheSameAsIds) {
  winnow_session_options options = sized();
  options.piece = 7;
  session = create(options);
  ASSERT_EQ(feed(session, counting(40), WINNOW_ROWS_ALL), WINNOW_OK);
  std::vector<float> expected = logits(session);
  for (int threads : {1, 3}) {
    options.threads = threads;
    winnow_session *other = create(options);
    ASSERT_EQ(feedRows(other, counting(40), WINNOW_ROWS_ALL), WINNOW_OK)
        << error.message;
    EXPECT_EQ(logits(other), expected);
    // One sequence of both kinds.
    ASSERT_EQ(api->truncate(other, 9, &error), WINNOW_OK);
    ASSERT_EQ(feed(other, counting(11, 9)), WINNOW_OK);
    ASSERT_EQ(feedRows(other, counting(20, 20), WINNOW_ROWS_ALL), WINNOW_OK);
    EXPECT_EQ(logits(other),
              std::vector<float>(expected.begin() + 20 * FAKE_VOCABULARY,
                                 expected.end()));
    EXPECT_EQ(api->length(other), 40);
    api->session_destroy(other);
  }
}

TEST_F(Embeddings, FailedCallsChangeNothing) {
  session = create();
  ASSERT_EQ(feed(session, counting(5)), WINNOW_OK);
  std::vector<float> before = logits(session);
  EXPECT_EQ(feedRows(session, counting(2), WINNOW_ROWS_LAST, 3),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "embeddings have a width of 3, expected 2");
  EXPECT_EQ(feedRows(session, counting(0)), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(feedRows(session, counting(1), static_cast<winnow_rows>(7)),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(feedRows(session, counting(76)), WINNOW_CONTEXT_OVERRUN);
  float row[FAKE_WIDTH] = {};
  int32_t bad = -1;
  winnow_embeddings call = {row, FAKE_WIDTH, &bad, nullptr, 1};
  EXPECT_EQ(api->prefill_embeddings(session, &call, WINNOW_ROWS_LAST, &error),
            WINNOW_INVALID_ARGUMENT);
  call = {row, FAKE_WIDTH, nullptr, &bad, 1};
  EXPECT_EQ(api->prefill_embeddings(session, &call, WINNOW_ROWS_LAST, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->prefill_embeddings(session, nullptr, WINNOW_ROWS_LAST, &error),
            WINNOW_INVALID_ARGUMENT);
  winnow_tensor none = {};
  EXPECT_EQ(
      api->invoke(session, "forward_embeddings", &none, 1, &none, 1, &error),
      WINNOW_UNSUPPORTED);
  EXPECT_EQ(api->length(session), 5);
  EXPECT_EQ(logits(session), before);
}
