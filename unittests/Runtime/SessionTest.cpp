//===- SessionTest.cpp - Sessions on the hand-written model ---------------===//

#include "WeightsFile.h"
#include "winnow/Artifact.h"

#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

/// One token of the sequence that a test feeds.
struct Token {
  int32_t id, position, segment;
};

/// The logits of the fake model by its formula: see FakeModel.c.
std::vector<float> expectedRow(const std::vector<Token> &tokens, size_t row) {
  double sum = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token &t = tokens[i];
    if (t.position > tokens[row].position || t.segment != tokens[row].segment)
      continue;
    double base = t.id + 1;
    // Cache 0: one head, 4 + 4 channels; cache 1: two heads, 3 + 2 channels.
    sum += 8 * base + 2 * (0 + 1 + 2 + 3) + 4 * t.position;
    sum += 10 * base + 5 + 2 * (0 + 1 + 2) + 2 * (0 + 1) + 4 * t.position;
  }
  std::vector<float> logits;
  for (int v = 0; v < FAKE_VOCABULARY; ++v)
    logits.push_back(static_cast<float>(sum + 2.0 * v));
  return logits;
}

std::vector<Token> counting(int count) {
  std::vector<Token> tokens;
  for (int i = 0; i < count; ++i)
    tokens.push_back({i * 7 % FAKE_VOCABULARY, i, 0});
  return tokens;
}

class Session : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(api->open(WINNOW_ABI_VERSION, file.write(), &model, &error),
              WINNOW_OK)
        << error.message;
  }
  void TearDown() override {
    api->session_destroy(session);
    api->close(model);
  }

  winnow_status create(int threads, int64_t piece = 0, int64_t context = 0) {
    winnow_session_options options = {};
    options.struct_size = sizeof options;
    options.threads = threads;
    options.piece = piece;
    options.context = context;
    return create(options);
  }
  winnow_status create(const winnow_session_options &options) {
    api->session_destroy(session);
    session = nullptr;
    return api->session_create(model, &options, &session, &error);
  }

  /// prefill of tokens [first, last) with explicit positions and segments.
  winnow_status feed(const std::vector<Token> &tokens, size_t first,
                     size_t last, winnow_rows rows) {
    std::vector<int32_t> ids, positions, segments;
    for (size_t i = first; i < last; ++i) {
      ids.push_back(tokens[i].id);
      positions.push_back(tokens[i].position);
      segments.push_back(tokens[i].segment);
    }
    winnow_tokens call = {ids.data(), positions.data(), segments.data(),
                          static_cast<int64_t>(ids.size())};
    return api->prefill(session, &call, rows, &error);
  }

  std::vector<std::vector<float>> logits() {
    const float *data = nullptr;
    int64_t rows = -1;
    EXPECT_EQ(api->logits(session, &data, &rows, &error), WINNOW_OK);
    std::vector<std::vector<float>> result;
    for (int64_t row = 0; row < rows; ++row)
      result.emplace_back(data + row * FAKE_VOCABULARY,
                          data + (row + 1) * FAKE_VOCABULARY);
    return result;
  }

  const winnow_api *api = winnow_runtime_api();
  WeightsFile file;
  winnow_model *model = nullptr;
  winnow_session *session = nullptr;
  winnow_error error = {};
};

TEST_F(Session, ProfilerSeesEveryStageOfEveryThread) {
  ASSERT_EQ(create(2, /*piece=*/3), WINNOW_OK) << error.message;
  std::vector<Token> tokens = counting(5);
  ASSERT_EQ(feed(tokens, 0, 5, WINNOW_ROWS_LAST), WINNOW_OK) << error.message;
  std::vector<float> plain = expectedRow(tokens, 4);

  struct Seen {
    std::vector<winnow_stage> stages;
    std::vector<int64_t> tokens;
  } seen[2];
  auto note = [](void *context, const winnow_stage *stage) {
    Seen &mine = static_cast<Seen *>(context)[stage->thread];
    mine.stages.push_back(*stage);
    mine.tokens.push_back(stage->dims[0]);
  };
  ASSERT_EQ(api->reset(session), WINNOW_OK);
  ASSERT_EQ(api->set_profiler(session, note, seen, &error), WINNOW_OK);
  ASSERT_EQ(feed(tokens, 0, 5, WINNOW_ROWS_LAST), WINNOW_OK) << error.message;
  const float *logits;
  int64_t rows;
  ASSERT_EQ(api->logits(session, &logits, &rows, &error), WINNOW_OK);
  EXPECT_EQ(std::vector<float>(logits, logits + FAKE_VOCABULARY), plain);

  // Two pieces of three stages and the end, each begun and left.
  for (const Seen &mine : seen) {
    ASSERT_EQ(mine.stages.size(), 16u);
    for (size_t i = 0; i < 16; ++i) {
      const winnow_stage &stage = mine.stages[i];
      EXPECT_STREQ(stage.entry, "forward");
      EXPECT_EQ(stage.past, i < 8 ? 0 : 3);
      EXPECT_EQ(mine.tokens[i], i < 8 ? 3 : 2);
      EXPECT_EQ(stage.stage, static_cast<int32_t>(i % 8 / 2));
      EXPECT_EQ(stage.leaves, static_cast<int32_t>(i % 2));
    }
  }
  ASSERT_EQ(api->set_profiler(session, nullptr, nullptr, &error), WINNOW_OK);
  ASSERT_EQ(api->reset(session), WINNOW_OK);
  ASSERT_EQ(feed(tokens, 0, 5, WINNOW_ROWS_LAST), WINNOW_OK);
  EXPECT_EQ(seen[0].stages.size(), 16u);
  EXPECT_EQ(api->set_profiler(nullptr, note, seen, &error),
            WINNOW_INVALID_ARGUMENT);
}

} // namespace

TEST_F(Session, RowsLastAllNone) {
  ASSERT_EQ(create(2), WINNOW_OK) << error.message;
  std::vector<Token> tokens = counting(30);
  ASSERT_EQ(feed(tokens, 0, 10, WINNOW_ROWS_LAST), WINNOW_OK) << error.message;
  EXPECT_EQ(api->length(session), 10);
  std::vector<Token> ten(tokens.begin(), tokens.begin() + 10);
  ASSERT_EQ(logits().size(), 1u);
  EXPECT_EQ(logits()[0], expectedRow(ten, 9));
  ASSERT_EQ(feed(tokens, 10, 20, WINNOW_ROWS_NONE), WINNOW_OK);
  EXPECT_TRUE(logits().empty());
  ASSERT_EQ(feed(tokens, 20, 30, WINNOW_ROWS_ALL), WINNOW_OK);
  ASSERT_EQ(logits().size(), 10u);
  for (size_t row = 0; row < 10; ++row)
    EXPECT_EQ(logits()[row], expectedRow(tokens, 20 + row));
}

TEST_F(Session, LogitsKeepTheirPlace) {
  ASSERT_EQ(create(1), WINNOW_OK) << error.message;
  std::vector<Token> tokens = counting(60);
  std::set<const float *> places;
  auto look = [&] {
    const float *data = nullptr;
    int64_t rows = 0;
    ASSERT_EQ(api->logits(session, &data, &rows, &error), WINNOW_OK);
    ASSERT_GT(rows, 0);
    places.insert(data);
  };
  ASSERT_EQ(feed(tokens, 0, 1, WINNOW_ROWS_LAST), WINNOW_OK);
  look();
  ASSERT_EQ(feed(tokens, 1, 60, WINNOW_ROWS_ALL), WINNOW_OK);
  look();
  ASSERT_EQ(api->reset(session), WINNOW_OK);
  ASSERT_EQ(feed(tokens, 0, 60, WINNOW_ROWS_ALL), WINNOW_OK);
  look();
  EXPECT_EQ(places.size(), 1u);
}

TEST_F(Session, PiecesThreadsAndDefaultPositions) {
  std::vector<Token> tokens = counting(61);
  std::vector<int32_t> ids;
  for (const Token &token : tokens)
    ids.push_back(token.id);
  for (int threads : {1, 2, 3, 5})
    for (int64_t piece : {1, 7, 16, 64}) {
      ASSERT_EQ(create(threads, piece), WINNOW_OK) << error.message;
      winnow_tokens call = {ids.data(), nullptr, nullptr, 61};
      ASSERT_EQ(api->prefill(session, &call, WINNOW_ROWS_ALL, &error),
                WINNOW_OK);
      ASSERT_EQ(logits().size(), 61u);
      for (size_t row = 0; row < 61; ++row)
        ASSERT_EQ(logits()[row], expectedRow(tokens, row))
            << threads << " threads, pieces of " << piece << ", row " << row;
    }
}

TEST_F(Session, DecodeTruncateReset) {
  ASSERT_EQ(create(2, 4), WINNOW_OK);
  std::vector<Token> tokens = counting(40);
  for (size_t i = 0; i < 40; ++i) {
    ASSERT_EQ(api->decode(session, tokens[i].id, &error), WINNOW_OK);
    std::vector<Token> sofar(tokens.begin(), tokens.begin() + i + 1);
    ASSERT_EQ(logits()[0], expectedRow(sofar, i));
  }
  ASSERT_EQ(api->truncate(session, 17, &error), WINNOW_OK);
  EXPECT_EQ(api->length(session), 17);
  EXPECT_TRUE(logits().empty());
  std::vector<Token> other(tokens.begin(), tokens.begin() + 17);
  other.push_back({5, 17, 0});
  ASSERT_EQ(api->decode(session, 5, &error), WINNOW_OK);
  EXPECT_EQ(logits()[0], expectedRow(other, 17));
  ASSERT_EQ(api->reset(session), WINNOW_OK);
  EXPECT_EQ(api->length(session), 0);
  ASSERT_EQ(api->decode(session, 3, &error), WINNOW_OK);
  EXPECT_EQ(logits()[0], expectedRow({{3, 0, 0}}, 0));
}

TEST_F(Session, SegmentsAndPositionsAreThePassedOnes) {
  ASSERT_EQ(create(3, 4), WINNOW_OK);
  std::vector<Token> tokens = {{1, 0, 0}, {2, 1, 0}, {3, 2, 1}, {4, 2, 0},
                               {5, 3, 1}, {6, 3, 0}, {7, 2, 0}};
  ASSERT_EQ(feed(tokens, 0, 7, WINNOW_ROWS_ALL), WINNOW_OK);
  // Rows are computed piece by piece: a row sees its own piece and earlier
  // ones.
  for (size_t row = 0; row < 7; ++row) {
    std::vector<Token> seen(tokens.begin(), tokens.begin() + (row < 4 ? 4 : 7));
    EXPECT_EQ(logits()[row], expectedRow(seen, row)) << row;
  }
}

TEST_F(Session, FailedCallsChangeNothing) {
  ASSERT_EQ(create(2, 8, 20), WINNOW_OK);
  std::vector<Token> tokens = counting(20);
  ASSERT_EQ(feed(tokens, 0, 12, WINNOW_ROWS_ALL), WINNOW_OK);
  auto before = logits();

  std::vector<Token> bad = tokens;
  bad[15].id = FAKE_VOCABULARY;
  EXPECT_EQ(feed(bad, 12, 20, WINNOW_ROWS_LAST), WINNOW_TOKEN_OUT_OF_RANGE);
  EXPECT_STREQ(error.message, "token id 11 at index 3 is not in [0, 11)");
  bad[15].id = -1;
  EXPECT_EQ(feed(bad, 12, 20, WINNOW_ROWS_LAST), WINNOW_TOKEN_OUT_OF_RANGE);
  bad = tokens;
  bad[19].position = FAKE_CONTEXT;
  EXPECT_EQ(feed(bad, 12, 20, WINNOW_ROWS_LAST), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(feed(tokens, 0, 9, WINNOW_ROWS_LAST), WINNOW_CONTEXT_OVERRUN);
  EXPECT_STREQ(error.message, "context overrun: 9 tokens after 12 do not fit "
                              "in a context of 20");
  EXPECT_EQ(feed(tokens, 0, 0, WINNOW_ROWS_LAST), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(feed(tokens, 12, 13, static_cast<winnow_rows>(3)),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->prefill(session, nullptr, WINNOW_ROWS_LAST, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->truncate(session, 13, &error), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->truncate(session, -1, &error), WINNOW_INVALID_ARGUMENT);

  EXPECT_EQ(api->length(session), 12);
  EXPECT_EQ(logits(), before);
  ASSERT_EQ(feed(tokens, 12, 20, WINNOW_ROWS_LAST), WINNOW_OK);
  EXPECT_EQ(logits()[0], expectedRow(tokens, 19));
  EXPECT_EQ(api->decode(session, 0, &error), WINNOW_CONTEXT_OVERRUN);
}

TEST_F(Session, OptionsAreChecked) {
  EXPECT_EQ(create(-1), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(create(1 << 20), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(create(1, -1), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(create(1, 0, -1), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(create(1, 0, FAKE_CONTEXT + 1), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(session, nullptr);
  winnow_session_options unsized = {};
  EXPECT_EQ(create(unsized), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(create(0, 1 << 30), WINNOW_OK) << error.message;
  EXPECT_EQ(api->session_create(nullptr, nullptr, &session, &error),
            WINNOW_INVALID_ARGUMENT);
  api->session_destroy(session);
  EXPECT_EQ(api->session_create(model, nullptr, &session, &error), WINNOW_OK);
}

TEST_F(Session, TheCallersExecutor) {
  int calls = 0;
  winnow_session_options options = {};
  options.struct_size = sizeof options;
  options.threads = 3;
  options.executor_context = &calls;
  options.executor = [](void *context, int32_t count,
                        void (*part)(void *, int32_t, int32_t), void *job) {
    ++*static_cast<int *>(context);
    std::vector<std::thread> threads;
    for (int32_t i = 0; i < count; ++i)
      threads.emplace_back(part, job, i, count);
    for (std::thread &thread : threads)
      thread.join();
  };
  ASSERT_EQ(create(options), WINNOW_OK) << error.message;
  std::vector<Token> tokens = counting(50);
  ASSERT_EQ(feed(tokens, 0, 50, WINNOW_ROWS_LAST), WINNOW_OK);
  EXPECT_EQ(logits()[0], expectedRow(tokens, 49));
  EXPECT_EQ(calls, 1);
}

TEST_F(Session, SessionsOfOneModelAreIndependent) {
  std::vector<Token> tokens = counting(60);
  std::vector<std::thread> users;
  std::vector<std::vector<float>> results(3);
  for (int user = 0; user < 3; ++user)
    users.emplace_back([&, user] {
      winnow_session_options options = {};
      options.struct_size = sizeof options;
      options.threads = 2;
      winnow_session *mine = nullptr;
      winnow_error failure;
      if (api->session_create(model, &options, &mine, &failure) != WINNOW_OK)
        return;
      for (int i = 0; i < 40 + user; ++i)
        api->decode(mine, tokens[i].id, &failure);
      const float *data = nullptr;
      int64_t rows = 0;
      if (api->logits(mine, &data, &rows, &failure) == WINNOW_OK && rows == 1)
        results[user].assign(data, data + FAKE_VOCABULARY);
      api->session_destroy(mine);
    });
  for (std::thread &user : users)
    user.join();
  for (int user = 0; user < 3; ++user) {
    std::vector<Token> own(tokens.begin(), tokens.begin() + 40 + user);
    EXPECT_EQ(results[user], expectedRow(own, own.size() - 1));
  }
}

TEST_F(Session, RunningOutOfMemoryChangesNothing) {
  ASSERT_EQ(create(2), WINNOW_OK);
  std::vector<float> x = {1, 2, 3}, y(3);
  winnow_tensor input = {WINNOW_F32, 2, {1, 3}, x.data()};
  winnow_tensor output = {WINNOW_F32, 2, {1, 3}, y.data()};
  EXPECT_EQ(api->invoke(session, "enormous", &input, 1, &output, 1, &error),
            WINNOW_OUT_OF_MEMORY);
  EXPECT_EQ(y, std::vector<float>(3));
  std::vector<Token> tokens = counting(40);
  ASSERT_EQ(feed(tokens, 0, 40, WINNOW_ROWS_LAST), WINNOW_OK);
  EXPECT_EQ(logits()[0], expectedRow(tokens, 39));
}

TEST_F(Session, SegmentsAreChecked) {
  ASSERT_EQ(create(1), WINNOW_OK);
  std::vector<Token> tokens = {{1, 0, 0}, {2, 1, -1}};
  EXPECT_EQ(feed(tokens, 0, 2, WINNOW_ROWS_LAST), WINNOW_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "segment -1 at index 1 is negative");
  EXPECT_EQ(api->length(session), 0);
}
