//===- StateTest.cpp - Sessions saved and loaded --------------------------===//

#include "SessionFixture.h"
#include "winnow/Runtime/Hash.h"

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <sys/stat.h>

namespace {

class State : public SessionFixture {
protected:
  std::string save(winnow_session *from) {
    std::string state(static_cast<size_t>(api->session_state_size(from)), 'x');
    EXPECT_EQ(api->session_save_to(from, &state[0],
                                   static_cast<int64_t>(state.size()), &error),
              WINNOW_OK)
        << error.message;
    return state;
  }
  winnow_status load(winnow_session *to, const std::string &state) {
    return api->session_load_from(to, state.data(),
                                  static_cast<int64_t>(state.size()), &error);
  }
  /// Puts the right hash at the end.
  static void seal(std::string &state) {
    winnow_hash hash;
    winnow_hash_begin(&hash);
    winnow_hash_update(&hash, state.data(), state.size() - 8);
    uint64_t value = winnow_hash_finish(&hash);
    std::memcpy(&state[state.size() - 8], &value, sizeof value);
  }
  static void put(std::string &state, size_t offset, int64_t value) {
    std::memcpy(&state[offset], &value, sizeof value);
  }
  bool says(const char *text) const {
    return std::strstr(error.message, text) != nullptr;
  }
};

// Offsets of the header's fields.
constexpr size_t kVersion = 8, kBuildId = 16, kSize = 32, kLength = 40,
                 kLogitRows = 48, kCacheLengths = 56,
                 kTokenCount = kCacheLengths + 4 * 8,
                 kPositions = kTokenCount + 2 * 8;

} // namespace

TEST_F(State, WhatFollowsIsTheSame) {
  winnow_session_options options = sized();
  session = create(options);
  for (int before : {0, 1, 15, 16, 17, 33}) {
    ASSERT_EQ(api->reset(session), WINNOW_OK);
    if (before)
      ASSERT_EQ(feed(session, counting(before)), WINNOW_OK);
    std::string state = save(session);
    std::vector<float> last = logits(session);
    ASSERT_EQ(feed(session, counting(20, before), WINNOW_ROWS_ALL), WINNOW_OK);

    // Another context, other pieces, other threads, and something else in it.
    options.threads = 3;
    options.piece = 7;
    options.context = 60;
    winnow_session *other = create(options);
    ASSERT_EQ(feed(other, counting(50)), WINNOW_OK);
    ASSERT_EQ(load(other, state), WINNOW_OK) << error.message;
    EXPECT_EQ(error.status, WINNOW_OK);
    EXPECT_EQ(api->length(other), before);
    EXPECT_EQ(logits(other), last);
    EXPECT_EQ(save(other), state);
    ASSERT_EQ(feed(other, counting(20, before), WINNOW_ROWS_ALL), WINNOW_OK);
    EXPECT_EQ(logits(other), logits(session));
    // Truncation needs the positions.
    ASSERT_EQ(api->truncate(other, before / 2, &error), WINNOW_OK);
    ASSERT_EQ(api->truncate(session, before / 2, &error), WINNOW_OK);
    EXPECT_EQ(save(other), save(session));
    api->session_destroy(other);
  }
}

TEST_F(State, OnlyUsedSlotsAreSaved) {
  session = create();
  int64_t empty = api->session_state_size(session);
  ASSERT_EQ(feed(session, counting(16)), WINNOW_OK);
  // Positions and segments of the tokens; positions, segments, keys and values
  // of two caches; one row.
  EXPECT_EQ(api->session_state_size(session), empty + 2 * 16 * 4 +
                                                  16 * 4 * (2 + 8 + 2 + 10) +
                                                  FAKE_VOCABULARY * 4);
  EXPECT_EQ(api->session_state_size(nullptr), 0);
}

TEST_F(State, TheLastOfManyRowsIsKept) {
  session = create();
  ASSERT_EQ(feed(session, counting(9), WINNOW_ROWS_ALL), WINNOW_OK);
  std::vector<float> all = logits(session);
  ASSERT_EQ(load(session, save(session)), WINNOW_OK);
  EXPECT_EQ(logits(session),
            std::vector<float>(all.end() - FAKE_VOCABULARY, all.end()));
  ASSERT_EQ(feed(session, counting(1), WINNOW_ROWS_NONE), WINNOW_OK);
  ASSERT_EQ(load(session, save(session)), WINNOW_OK);
  EXPECT_TRUE(logits(session).empty());
}

/// Three segments in turns, a token each, take three chunks.
TEST_F(State, SegmentsAreSaved) {
  session = create();
  std::vector<int32_t> ids = counting(40), segments;
  for (int32_t i = 0; i < 40; ++i)
    segments.push_back(i % 3);
  winnow_tokens tokens = {ids.data(), nullptr, segments.data(), 40};
  ASSERT_EQ(api->prefill(session, &tokens, WINNOW_ROWS_LAST, &error),
            WINNOW_OK);
  std::string state = save(session);
  winnow_session *other = create();
  ASSERT_EQ(load(other, state), WINNOW_OK) << error.message;
  EXPECT_EQ(save(other), state);
  tokens.count = 7;
  for (winnow_session *to : {session, other}) {
    ASSERT_EQ(api->truncate(to, 31, &error), WINNOW_OK);
    ASSERT_EQ(api->prefill(to, &tokens, WINNOW_ROWS_ALL, &error), WINNOW_OK);
  }
  EXPECT_EQ(logits(other), logits(session));
  EXPECT_EQ(save(other), save(session));
  api->session_destroy(other);
}

TEST_F(State, CachesOfOtherEntriesAreSaved) {
  session = create();
  int64_t lengths[2] = {};
  ASSERT_EQ(appendTokens({0, 4, 0, 7, 7, 0, 4, 0, 0}, lengths), WINNOW_OK);
  std::string state = save(session);
  ASSERT_EQ(api->reset(session), WINNOW_OK);
  ASSERT_EQ(load(session, state), WINNOW_OK) << error.message;
  EXPECT_EQ(save(session), state);
  // The next tokens go on in the chunks of their segments.
  ASSERT_EQ(appendTokens({7, 0, 0, 4, 7, 0, 4}, lengths), WINNOW_OK);
  EXPECT_EQ(lengths[0], 16);
  EXPECT_EQ(lengths[1], 2 * WINNOW_KV_CHUNK + 4);
}

/// What no session could have saved.
TEST_F(State, CachesOfOneEntryHaveTheSameTokens) {
  session = create();
  int64_t lengths[2] = {};
  ASSERT_EQ(appendTokens({0, 4, 0}, lengths), WINNOW_OK);
  const std::string good = save(session);
  auto refuses = [&](size_t offset, int64_t value, const char *message) {
    std::string bad = good;
    put(bad, offset, value);
    seal(bad);
    EXPECT_EQ(load(session, bad), WINNOW_BAD_FILE);
    EXPECT_TRUE(says(message)) << error.message;
    EXPECT_EQ(save(session), good);
  };
  const size_t chunkedLength = kCacheLengths + 3 * 8, tokens = kTokenCount + 8;
  refuses(chunkedLength, WINNOW_KV_CHUNK + 2, "do not make its size");
  refuses(tokens, 2, "do not make its size");
  // One of the decoder's two caches.
  refuses(kCacheLengths, 1, "caches of one entry point hold 1 and 0 slots");
  EXPECT_EQ(load(session, good), WINNOW_OK) << error.message;
}

TEST_F(State, BadStatesChangeNothing) {
  session = create();
  ASSERT_EQ(feed(session, counting(21)), WINNOW_OK);
  const std::string good = save(session);
  ASSERT_EQ(feed(session, counting(5)), WINNOW_OK);
  const std::string before = save(session);
  struct Case {
    const char *says;
    winnow_status status;
    std::function<void(std::string &)> spoil;
  };
  auto set = [](size_t offset, int64_t value) {
    return [=](std::string &s) { put(s, offset, value); };
  };
  const Case cases[] = {
      {"truncated", WINNOW_BAD_FILE, [](std::string &s) { s.resize(0); }},
      {"truncated", WINNOW_BAD_FILE, [](std::string &s) { s.resize(55); }},
      {"truncated", WINNOW_BAD_FILE, [](std::string &s) { s.resize(56); }},
      {"truncated", WINNOW_BAD_FILE, [](std::string &s) { s.pop_back(); }},
      {"too long", WINNOW_BAD_FILE, [](std::string &s) { s += 'x'; }},
      {"not the state", WINNOW_BAD_FILE, [](std::string &s) { s[0] = 'W'; }},
      {"version", WINNOW_BAD_FILE, [](std::string &s) { s[kVersion] = 9; }},
      {"another model", WINNOW_MISMATCH, [](std::string &s) { ++s[kBuildId]; }},
      {"another model", WINNOW_MISMATCH,
       [](std::string &s) { ++s[kBuildId + 15]; }},
      {"expected", WINNOW_BAD_FILE, set(kSize, -1)},
      {"header", WINNOW_BAD_FILE, set(kLength, -1)},
      {"header", WINNOW_BAD_FILE, set(kLength, INT64_MAX)},
      {"size", WINNOW_BAD_FILE, set(kLength, 20)},
      {"header", WINNOW_BAD_FILE, set(kLogitRows, 2)},
      {"size", WINNOW_BAD_FILE, set(kLogitRows, 0)},
      {"cache", WINNOW_BAD_FILE, set(kCacheLengths, -1)},
      {"cache", WINNOW_BAD_FILE, set(kCacheLengths, INT64_MAX)},
      {"caches of one entry", WINNOW_BAD_FILE, set(kCacheLengths, 20)},
      {"hash", WINNOW_BAD_FILE, [](std::string &s) { s[s.size() / 2] ^= 1; }},
      {"hash", WINNOW_BAD_FILE, [](std::string &s) { s.back() ^= 1; }},
      {"size", WINNOW_BAD_FILE, set(kTokenCount, -1)},
      {"size", WINNOW_BAD_FILE, set(kTokenCount, 20)},
      {"position", WINNOW_BAD_FILE,
       [](std::string &s) {
         put(s, kPositions, FAKE_CONTEXT);
         seal(s);
       }},
      {"segment", WINNOW_BAD_FILE,
       [](std::string &s) {
         put(s, kPositions + 21 * 4, -1);
         seal(s);
       }},
      {"segments do not make", WINNOW_BAD_FILE,
       [](std::string &s) {
         put(s, kPositions + 21 * 4, 77);
         seal(s);
       }},
  };
  for (const Case &item : cases) {
    std::string bad = good;
    item.spoil(bad);
    EXPECT_EQ(load(session, bad), item.status) << error.message;
    EXPECT_EQ(error.status, item.status);
    EXPECT_TRUE(says(item.says)) << item.says << ": " << error.message;
    ASSERT_EQ(save(session), before) << item.says;
  }
  // What the spoilt ones were made of is good.
  EXPECT_EQ(load(session, good), WINNOW_OK) << error.message;
}

/// Slots after the end read as zero, whatever a state brings.
TEST_F(State, UnusedLanesAreCleared) {
  session = create();
  ASSERT_EQ(feed(session, counting(3)), WINNOW_OK);
  std::string state = save(session), spoilt = state;
  // The first cache's keys follow its positions and segments.
  size_t keys = kPositions + 2 * 3 * 4 + FAKE_VOCABULARY * 4 + 2 * 3 * 4;
  float lane = 1;
  std::memcpy(&spoilt[keys + 15 * 4], &lane, sizeof lane);
  seal(spoilt);
  ASSERT_EQ(load(session, spoilt), WINNOW_OK) << error.message;
  EXPECT_EQ(save(session), state);
}

TEST_F(State, LargerThanTheContext) {
  session = create();
  ASSERT_EQ(feed(session, counting(33)), WINNOW_OK);
  std::string state = save(session);
  winnow_session_options options = sized();
  options.context = 32;
  winnow_session *small = create(options);
  EXPECT_EQ(load(small, state), WINNOW_CONTEXT_OVERRUN);
  EXPECT_TRUE(says("33 tokens, more than the context of 32")) << error.message;
  EXPECT_EQ(api->length(small), 0);
  EXPECT_EQ(feed(small, counting(32)), WINNOW_OK);
  api->session_destroy(small);
}

TEST_F(State, ArgumentsAreChecked) {
  session = create();
  std::string state = save(session);
  int64_t size = static_cast<int64_t>(state.size());
  EXPECT_EQ(api->session_save_to(session, &state[0], size - 1, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->session_save_to(session, nullptr, size, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->session_save_to(nullptr, &state[0], size, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->session_load_from(session, state.data(), -1, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->session_load_from(session, nullptr, size, nullptr),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->session_save(session, nullptr, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->session_load(nullptr, "x", &error), WINNOW_INVALID_ARGUMENT);
}

TEST_F(State, Files) {
  char folder[] = "/tmp/winnow-state-XXXXXX";
  ASSERT_TRUE(mkdtemp(folder));
  std::string path = std::string(folder) + "/state";
  session = create();
  ASSERT_EQ(feed(session, counting(21)), WINNOW_OK);
  std::string state = save(session);
  ASSERT_EQ(api->session_save(session, path.c_str(), &error), WINNOW_OK)
      << error.message;
  std::ifstream stream(path, std::ios::binary);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(stream)), {}), state);
  ASSERT_EQ(api->reset(session), WINNOW_OK);
  ASSERT_EQ(api->session_load(session, path.c_str(), &error), WINNOW_OK)
      << error.message;
  EXPECT_EQ(save(session), state);

  ASSERT_EQ(truncate(path.c_str(), 100), 0);
  EXPECT_EQ(api->session_load(session, path.c_str(), &error), WINNOW_BAD_FILE);
  EXPECT_TRUE(says(path.c_str())) << error.message;
  EXPECT_EQ(api->session_load(session, folder, &error), WINNOW_IO_ERROR);
  EXPECT_EQ(save(session), state);
  unlink(path.c_str());
  EXPECT_EQ(api->session_load(session, path.c_str(), &error), WINNOW_IO_ERROR);
  EXPECT_TRUE(says("cannot open")) << error.message;

  // Nothing is left of a file that cannot get its name.
  std::string taken = std::string(folder) + "/taken";
  ASSERT_EQ(mkdir(taken.c_str(), 0700), 0);
  EXPECT_EQ(api->session_save(session, taken.c_str(), &error), WINNOW_IO_ERROR);
  rmdir(taken.c_str());
  EXPECT_EQ(api->session_save(session, "/no/such/folder/state", &error),
            WINNOW_IO_ERROR);
  EXPECT_EQ(rmdir(folder), 0) << "the folder is not empty";
}
