/*===- FakeModel.h - Sizes of the hand-written artifact -------------*- C
 * -*-===*/

#ifndef WINNOW_UNITTESTS_RUNTIME_FAKE_MODEL_H
#define WINNOW_UNITTESTS_RUNTIME_FAKE_MODEL_H

#include "winnow/Runtime/Call.h"

enum {
  FAKE_WIDTH = 2,
  FAKE_VOCABULARY = 11,
  FAKE_CONTEXT = 80,
  FAKE_WEIGHT_BYTES = 100
};

#define FAKE_BUILD_ID_0 0x0123456789abcdefull
#define FAKE_BUILD_ID_1 0xfedcba9876543210ull

#endif /* WINNOW_UNITTESTS_RUNTIME_FAKE_MODEL_H */
