/*===- ArtifactHeader.c - The public header is plain C --------------*- C -*-===*/

#include "winnow/Artifact.h"

/* Called from ArtifactHeaderTest.cpp: the two languages agree on the sizes. */
/* NOLINTNEXTLINE(misc-use-internal-linkage): it is for C++. */
size_t winnow_test_sizes(int which);
size_t winnow_test_sizes(int which) {
  switch (which) {
  case 0:
    return sizeof(winnow_api);
  case 1:
    return sizeof(winnow_session_options);
  case 2:
    return sizeof(winnow_model_info);
  case 3:
    return sizeof(winnow_error);
  case 4:
    return sizeof(winnow_tensor);
  default:
    return sizeof(winnow_tokens);
  }
}
