// RUN: not winnow-opt %s "--winnow-gate=granularity=joint layers=0 threshold=0.5" 2>&1 | FileCheck %s --check-prefix=GRANULARITY
// RUN: not winnow-opt %s "--winnow-gate=criterion=sine layers=0 threshold=0.5" 2>&1 | FileCheck %s --check-prefix=CRITERION
// RUN: not winnow-opt %s "--winnow-gate=layers=0" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not winnow-opt %s "--winnow-gate=layers=0,1,2 threshold=0.5,0.5" 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not winnow-opt %s "--winnow-gate=layers=0 threshold=-0.5" 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not winnow-opt %s "--winnow-gate=layers=0 threshold=nan" 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: not winnow-opt %s "--winnow-gate=layers=0 threshold=0.5 skip=0.5" 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: not winnow-opt %s "--winnow-gate=layers=0 skip=1" 2>&1 | FileCheck %s --check-prefix=SHARE
// RUN: not winnow-opt %s "--winnow-gate=layers=0 skip=0.5 criterion=random" 2>&1 | FileCheck %s --check-prefix=SCORES
// RUN: not winnow-opt %s "--winnow-gate=layers=0 skip=0.5 criterion=norm" 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: not winnow-opt %s "--winnow-gate=layers=1,0 threshold=0.5" 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not winnow-opt %s "--winnow-gate=layers=1 threshold=0.5" 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not winnow-opt %s "--winnow-gate=granularity=mlp layers=0 threshold=0.5 exit" 2>&1 | FileCheck %s --check-prefix=EXIT
// RUN: not winnow-opt %s "--winnow-gate=granularity=attention layers=0 threshold=0.5" 2>&1 | FileCheck %s --check-prefix=FIRST
// RUN: not winnow-opt %s "--winnow-gate=granularity=attention layers=1 threshold=0.5" 2>&1 | FileCheck %s --check-prefix=PACKED
// RUN: not winnow-opt %s "--winnow-gate=layers=0 threshold=0.5 criterion=random" 2>&1 | FileCheck %s --check-prefix=POSITIONS
// RUN: not winnow-opt %s "--winnow-gate=layers=0 threshold=0.5 criterion=router" 2>&1 | FileCheck %s --check-prefix=ROUTER
// RUN: not winnow-opt %s "--winnow-gate=layers=0 threshold=0.5 criterion=router router=wide.*" 2>&1 | FileCheck %s --check-prefix=WIDTH
// RUN: not winnow-opt %s --pass-pipeline="builtin.module(func.func(winnow-inline-layers),winnow-gate{layers=0 threshold=0.5})" 2>&1 | FileCheck %s --check-prefix=INLINED
// RUN: not winnow-opt %s --pass-pipeline="builtin.module(winnow-gate{layers=0 threshold=0.5},winnow-prune-tokens{layer=0 keep=0.5})" 2>&1 | FileCheck %s --check-prefix=PRUNE

// GRANULARITY: error: expects 'granularity' of winnow-gate to be block, attention or mlp; found 'joint'
// CRITERION: error: expects 'criterion' of winnow-gate to be one of cosine, norm, random, router; found 'sine'
// NONE: error: expects 'threshold' of winnow-gate to be one number or one for each of 'layers'; found 0 for 1
// COUNT: found 2 for 3
// NEGATIVE: error: expects 'threshold' of winnow-gate to be at least 0; found -
// NAN: error: expects 'threshold' of winnow-gate to be at least 0; found
// BOTH: error: expects either 'threshold' or 'skip' of winnow-gate, found both
// SHARE: error: expects 'skip' of winnow-gate to be at least 0 and below 1; found 1
// SCORES: error: 'skip' of winnow-gate needs statistics of scores, which 'criterion=random' has none of
// STATISTICS: error: 'winnow.layer' op needs the statistics 'similarity.norm_quantiles/' for 'skip' of winnow-gate: --statistics=FILE, written by winnow-compile --calibrate
// ORDER: error: expects 'layers' of winnow-gate to rise; found 1 before 0
// RANGE: error: 'func.func' op has 1 layers of granularity 'mlp', counted from 0; 'layers' of winnow-gate names 1
// EXIT: error: 'exit' of winnow-gate is of blocks, not of granularity 'mlp'
// FIRST: error: has nothing in front that winnow-gate could judge tokens by
// PACKED: error: 'winnow.attention' op cannot be computed for some of the tokens: its queries and keys share segments without a cache
// POSITIONS: error: has tokens without positions, by which winnow-gate could choose at random
// ROUTER: error: expects 'router' of winnow-gate to be the name of a weight with * for the number; found ''
// WIDTH: error: expects 'wide.0' of type 'tensor<1x4xf32>' for winnow-gate
// INLINED: error: has no layers that winnow-gate could gate
// PRUNE: error: 'winnow.token_change' op cannot go on with fewer tokens

winnow.param @wide.0 from {splat = 1.0 : f32} : tensor<2x4xf32>

func.func @encode(%x: tensor<?x4xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>) -> tensor<?x4xf32> {
  %y = winnow.layer residual(%x) inputs(%u = %x, %at = %p, %of = %s) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %o = winnow.attention query(%h, %at, %of) key(%h, %at, %of) value(%h) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j : tensor<?x4xf32>
  }
  %z = winnow.layer residual(%y) inputs(%u = %y) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %e = tensor.empty(%t) : tensor<?x4xf32>
    %f = linalg.map { math.exp } ins(%u : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>)
    winnow.yield %f : tensor<?x4xf32>
  }
  %w = winnow.layer residual(%z) inputs(%u = %z, %at = %p, %of = %s) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %g = tensor.expand_shape %u [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %o = winnow.attention query(%g, %at, %of) key(%h, %at, %of) value(%h) {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j : tensor<?x4xf32>
  }
  return %w : tensor<?x4xf32>
}
