//===- Ops.td - All ops of the winnow dialect --------------*- tablegen -*-===//

#ifndef WINNOW_OPS
#define WINNOW_OPS

include "winnow/AttentionOps.td"
include "winnow/KvCacheOps.td"
include "winnow/ModelOps.td"
include "winnow/QuantOps.td"
include "winnow/TokenOps.td"
include "winnow/TokenPruningOps.td"

#endif // WINNOW_OPS
