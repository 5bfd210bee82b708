//===- Passes.td - All passes, for their reference ---------*- tablegen -*-===//

#ifndef WINNOW_PASSES
#define WINNOW_PASSES

include "winnow/Analysis/Passes.td"
include "winnow/Compress/Passes.td"
include "winnow/Conversion/Passes.td"
include "winnow/Reference/Passes.td"

#endif // WINNOW_PASSES
