// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=fast layer=0 keep=0.5" 2>&1 | FileCheck %s --check-prefix=POLICY
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=0" 2>&1 | FileCheck %s --check-prefix=SHARES
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=0,1,2 keep=0.5,0.5" 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=0 keep=0" 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=0 keep=nan" 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=tome layer=0 keep=0.4" 2>&1 | FileCheck %s --check-prefix=HALF
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=0 keep=0.5 first=-2" 2>&1 | FileCheck %s --check-prefix=FIRST
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=turbo layer=0 keep=0.5 alpha=inf" 2>&1 | FileCheck %s --check-prefix=ALPHA
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=1,0 keep=0.5" 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=2 keep=0.5" 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=1 keep=0.5" 2>&1 | FileCheck %s --check-prefix=CAUSAL
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=0 keep=0.5 first=0" 2>&1 | FileCheck %s --check-prefix=POOL
// RUN: not winnow-opt %s --pass-pipeline="builtin.module(func.func(winnow-inline-layers),winnow-prune-tokens{layer=0 keep=0.5})" 2>&1 | FileCheck %s --check-prefix=INLINED
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=fastv layer=1 keep=0.5" 2>&1 | FileCheck %s --check-prefix=DECODER
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=0" 2>&1 | FileCheck %s --check-prefix=SCORES
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=0 threshold=-0.1" 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=0 threshold=1.5" 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=0 threshold=nan" 2>&1 | FileCheck %s --check-prefix=NO-NUMBER
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=0 threshold=0.5 keep=0.5" 2>&1 | FileCheck %s --check-prefix=NO-KEEP
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=0 threshold=0.5 keep=0.5" 2>&1 | FileCheck %s --check-prefix=NO-THRESHOLD
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=cut layer=1 keep=0.5" 2>&1 | FileCheck %s --check-prefix=CUT-KEEP
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=0 threshold=0.5 first=0" 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=tome layer=0 keep=0.5 fuse" 2>&1 | FileCheck %s --check-prefix=NO-FUSE
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=0 keep=0.5 positions=both" 2>&1 | FileCheck %s --check-prefix=POSITIONS
// RUN: not winnow-opt %s "--winnow-prune-tokens=layer=0 keep=0.5 positions=compact" 2>&1 | FileCheck %s --check-prefix=COMPACT
// RUN: winnow-opt %s "--winnow-prune-tokens=layer=0 keep=0.5" --remark-policy=all --remarks-filter=prune-tokens 2>&1 | FileCheck %s --check-prefix=REMARK

// POSITIONS: error: expects 'positions' of winnow-prune-tokens to be keep or compact; found 'both'
// COMPACT: error: 'positions=compact' of winnow-prune-tokens is for prompts; an encoder keeps positions
// POLICY: error: expects 'policy' of winnow-prune-tokens to be one of evit, tome, turbo, threshold, fastv, pyramiddrop, cut; found 'fast'
// ALPHA: error: expects 'alpha' of winnow-prune-tokens to be finite; found INF
// SHARES: error: expects 'keep' of winnow-prune-tokens to be one share or one for each 'layer'; found 0 for 1
// COUNT: found 2 for 3
// ZERO: error: expects 'keep' of winnow-prune-tokens to be above 0 and not above 1; found 0
// NAN: above 0 and not above 1; found
// HALF: error: 'policy=tome' of winnow-prune-tokens keeps at least {{5.*}} of the tokens; 'keep' is
// FIRST: error: expects 'first' and 'last' of winnow-prune-tokens to be at least 0 and below 2^30; found -2
// ORDER: error: expects 'layer' of winnow-prune-tokens to rise; found 1 before 0
// RANGE: error: 'func.func' op has 2 attention layers, counted from 0; 'layer' of winnow-prune-tokens names 2
// CAUSAL: error: 'winnow.layer' op has no tokens that winnow-prune-tokens could prune: its tokens do not see each other
// POOL: error: 'winnow.token_pool' op takes the first token of a segment, which therefore has to stay
// INLINED: error: has no layers of an encoder that 'policy=evit' of winnow-prune-tokens could prune
// DECODER: error: has no layers of a decoder that 'policy=fastv' of winnow-prune-tokens could prune
// SCORES: error: expects 'threshold' of winnow-prune-tokens to be one score or one for each 'layer'; found 0 for 1
// NEGATIVE: error: expects 'threshold' of winnow-prune-tokens to be a share of attention, at least 0 and not above 1; found -
// LARGE: not above 1; found 1.5
// NO-NUMBER: error: expects 'threshold' of winnow-prune-tokens
// NO-KEEP: error: 'policy=threshold' of winnow-prune-tokens has no 'keep'
// NO-THRESHOLD: error: 'policy=evit' of winnow-prune-tokens has no 'threshold'
// CUT-KEEP: error: 'policy=cut' of winnow-prune-tokens has no 'keep'
// EMPTY: error: 'policy=threshold' of winnow-prune-tokens could leave nothing of a text: 'first' and 'last' are 0
// NO-FUSE: error: 'policy=tome' of winnow-prune-tokens has no 'fuse'
// REMARK: remark: [Passed] evit | Category:prune-tokens | Function=encode | Remark="evit keeps 50.0 % of the tokens behind layer 0"

func.func @encode(%x: tensor<?x4xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>, %n: tensor<?xi32>) -> tensor<?x4xf32> {
  %y = winnow.layer residual(%x) inputs(%u = %x, %at = %p, %of = %s) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %o = winnow.attention query(%h, %at, %of) key(%h, %at, %of) value(%h) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j : tensor<?x4xf32>
  }
  %z = winnow.layer residual(%y) inputs(%u = %y, %at = %p, %of = %s) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %o = winnow.attention query(%h, %at, %of) key(%h, %at, %of) value(%h) {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j : tensor<?x4xf32>
  }
  %pooled = winnow.token_pool first %z of %s for %n : tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x4xf32>
  return %pooled : tensor<?x4xf32>
}
