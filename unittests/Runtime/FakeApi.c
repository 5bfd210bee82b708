/*===- FakeApi.c - The function that an artifact exports ------------*- C -*-===
 *
 * Together with FakeModel.c all that the compiler would generate for a shared
 * library `winnow_fake.so`.
 *
 *===----------------------------------------------------------------------===*/

#include "winnow/Artifact.h"
#include "winnow/Runtime/Call.h"

__attribute__((visibility("default"))) const winnow_api *
winnow_fake_winnow_api(void);

const winnow_api *winnow_fake_winnow_api(void) { return winnow_runtime_api(); }
