// RUN: not winnow-opt %s --winnow-sparsify=method=magnitude 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not winnow-opt %s --winnow-sparsify=target=layers 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not winnow-opt %s --winnow-sparsify=keep=1.5 2>&1 | FileCheck %s --check-prefix=KEEP
// RUN: not winnow-opt %s --winnow-sparsify=keep=nan 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: not winnow-opt %s --winnow-sparsify=strength=-1 2>&1 | FileCheck %s --check-prefix=STRENGTH
// RUN: not winnow-opt %s --winnow-sparsify=multiple=-32 2>&1 | FileCheck %s --check-prefix=MULTIPLE
// RUN: not winnow-opt %s --winnow-sparsify=align=32 2>&1 | FileCheck %s --check-prefix=ALIGN
// RUN: not winnow-opt %s "--winnow-sparsify=keep=0.5 only=(" 2>&1 | FileCheck %s --check-prefix=REGEX
// RUN: not winnow-opt %s "--winnow-sparsify=keep=0.5 only=other" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not winnow-opt %s "--winnow-sparsify=keep=0.5 target=heads" 2>&1 | FileCheck %s --check-prefix=HEADS
// RUN: not winnow-opt %s "--winnow-sparsify=keep=0.5 only=b" 2>&1 | FileCheck %s --check-prefix=RMS
// RUN: not winnow-opt %s "--winnow-sparsify=keep=0.01 only=a" 2>&1 | FileCheck %s --check-prefix=LITTLE
// RUN: not winnow-opt %s "--winnow-sparsify=keep=0.9 only=a multiple=1" 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: sed 's/winnow.statistics/other.statistics/' %s | not winnow-opt --allow-unregistered-dialect --winnow-sparsify=keep=0.5 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: sed 's/similarity.angle/similarity.cosine/' %s | not winnow-opt "--winnow-sparsify=keep=0.5 only=a" 2>&1 | FileCheck %s --check-prefix=ANGLE

// METHOD: error: expects 'method' of winnow-sparsify to be cfsp; found 'magnitude'
// TARGET: error: expects 'target' of winnow-sparsify to be mlp or heads; found 'layers'
// KEEP: error: expects 'keep' of winnow-sparsify in (0, 1]; found 1.5
// NAN: error: expects 'keep' of winnow-sparsify in (0, 1]; found nan
// STRENGTH: error: expects 'strength' of winnow-sparsify in [0, 1000]; found -1
// MULTIPLE: error: expects 'multiple' of winnow-sparsify to be at least 0; found -32
// ALIGN: error: expects 'align' of winnow-sparsify to be none or block; found '32'
// REGEX: error: expects a regular expression in 'only':
// NAME: error: has no layer whose name matches 'only' and 'skip' of winnow-sparsify
// HEADS: error: has no attention that winnow-sparsify could make narrower
// RMS: error: {{.*}}'winnow.layer' op needs the statistics 'channels.rms/b.down' for winnow-sparsify: --statistics=FILE, written by winnow-compile --calibrate
// ANGLE: error: {{.*}}'winnow.layer' op needs the statistics 'similarity.angle/a..b' for winnow-sparsify
// LITTLE: error: 'keep' of winnow-sparsify, 0.01, is less than can be left: 0.5000 if each layer keeps the least number of channels
// FORMAT: error: {{.*}}'winnow.layer' op cannot lose columns of a weight in q8_0, of which 58 of 64 would be left: no format for them can be encoded into. 'align=block' of winnow-sparsify keeps blocks whole
// NOTHING: error: winnow-sparsify needs statistics: --statistics=FILE, written by winnow-compile --calibrate
module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {}, values = {
    "channels.rms/a.down" = dense<0.25> : tensor<64xf32>,
    "channels.rms/b.down" = dense<0.25> : tensor<32xf32>,
    "similarity.angle/a..b" = dense<0.5> : tensor<1xf32>}}} {
winnow.param @a.up from {splat = 1.0 : f32} : tensor<64x2xf32>
winnow.param @a.down from {random = 1 : i64} : tensor<2x64xf32, #winnow.encoding<q8_0>>
winnow.param @b.up from {splat = 1.0 : f32} : tensor<64x2xf32>
winnow.param @b.down from {splat = 1.0 : f32} : tensor<2x64xf32>
func.func @f(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %1 = winnow.layer residual(%x) inputs(%u = %x) : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32> {
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x2xf32>
    %wu = winnow.use @a.up : tensor<64x2xf32>
    %h = winnow.linear %u, %wu : tensor<?x2xf32>, tensor<64x2xf32> -> tensor<?x64xf32>
    %e = tensor.empty(%t) : tensor<?x64xf32>
    %m = linalg.map { math.exp } ins(%h : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>)
    %wd = winnow.use @a.down : tensor<2x64xf32, #winnow.encoding<q8_0>>
    %y = winnow.linear %m, %wd : tensor<?x64xf32>, tensor<2x64xf32, #winnow.encoding<q8_0>> -> tensor<?x2xf32>
    winnow.yield %y : tensor<?x2xf32>
  } loc("a")
  %2 = winnow.layer residual(%1) inputs(%u = %1) : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32> {
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x2xf32>
    %wu = winnow.use @b.up : tensor<64x2xf32>
    %h = winnow.linear %u, %wu : tensor<?x2xf32>, tensor<64x2xf32> -> tensor<?x64xf32>
    %e = tensor.empty(%t) : tensor<?x64xf32>
    %m = linalg.map { math.exp } ins(%h : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>)
    %wd = winnow.use @b.down : tensor<2x64xf32>
    %y = winnow.linear %m, %wd : tensor<?x64xf32>, tensor<2x64xf32> -> tensor<?x2xf32>
    winnow.yield %y : tensor<?x2xf32>
  } loc("b")
  return %2 : tensor<?x2xf32>
}
}
