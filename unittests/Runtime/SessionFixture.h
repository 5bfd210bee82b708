//===- SessionFixture.h - A session of the hand-written model ---*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_RUNTIME_SESSION_FIXTURE_H
#define WINNOW_UNITTESTS_RUNTIME_SESSION_FIXTURE_H

#include "WeightsFile.h"
#include "winnow/Artifact.h"

#include <gtest/gtest.h>
#include <vector>

/// Opens the fake model and computes ids at their default positions.
class SessionFixture : public testing::Test {
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

  static winnow_session_options sized() {
    winnow_session_options options = {};
    options.struct_size = sizeof options;
    options.threads = 1;
    return options;
  }
  winnow_session *create(const winnow_session_options &options = sized()) {
    winnow_session *created = nullptr;
    EXPECT_EQ(api->session_create(model, &options, &created, &error), WINNOW_OK)
        << error.message;
    return created;
  }

  static std::vector<int32_t> counting(int count, int start = 0) {
    std::vector<int32_t> ids;
    for (int i = 0; i < count; ++i)
      ids.push_back((start + i) * 7 % FAKE_VOCABULARY);
    return ids;
  }
  winnow_status feed(winnow_session *to, const std::vector<int32_t> &ids,
                     winnow_rows rows = WINNOW_ROWS_LAST) {
    winnow_tokens call = {ids.data(), nullptr, nullptr,
                          static_cast<int64_t>(ids.size())};
    return api->prefill(to, &call, rows, &error);
  }
  static std::vector<int32_t> repeat(int32_t number, size_t count) {
    return std::vector<int32_t>(count, number);
  }
  /// Adds tokens of these segments to the caches of the entry "append".
  winnow_status appendTokens(std::vector<int32_t> segments,
                             int64_t (&lengths)[2]) {
    std::vector<int32_t> positions(segments.size(), 1);
    int64_t count = static_cast<int64_t>(segments.size());
    winnow_tensor inputs[] = {{WINNOW_I32, 1, {count}, positions.data()},
                              {WINNOW_I32, 1, {count}, segments.data()}};
    winnow_tensor output = {WINNOW_I64, 1, {2}, lengths};
    return api->invoke(session, "append", inputs, 2, &output, 1, &error);
  }
  /// All logits of a session in one row.
  std::vector<float> logits(winnow_session *of) {
    const float *data = nullptr;
    int64_t rows = -1;
    EXPECT_EQ(api->logits(of, &data, &rows, &error), WINNOW_OK);
    return std::vector<float>(data, data + rows * FAKE_VOCABULARY);
  }

  const winnow_api *api = winnow_runtime_api();
  WeightsFile file;
  winnow_model *model = nullptr;
  winnow_session *session = nullptr; ///< destroyed at the end
  winnow_error error = {};
};

#endif // WINNOW_UNITTESTS_RUNTIME_SESSION_FIXTURE_H
