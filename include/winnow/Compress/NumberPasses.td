//===- NumberPasses.td - Passes on numbers of weights ------*- tablegen -*-===//

#ifndef WINNOW_COMPRESS_NUMBERPASSES
#define WINNOW_COMPRESS_NUMBERPASSES

include "mlir/Pass/PassBase.td"

def WinnowEqualize : Pass<"winnow-equalize", "::mlir::ModuleOp"> {
  let summary = "Divide or rotate activations, and weights the other way";
  let description = [{
    What: y = x · Wᵀ is (x / s) · (W · diag(s))ᵀ, so each channel k of the input
    of linear layers may be divided by an s_k. Where quantization follows,
    channels of one size lose less. method=diagonal takes the factors of
    SmoothQuant (arXiv 2211.10438), over all linear layers that read the value:

    ```
    s_k = max(max|x_k|^alpha / max(max|W_k|, 1e-5)^(1 - alpha), 1e-5)
    ```

    and 1 for a channel that is always zero. max|x_k| is the statistic
    channels.abs_max (winnow-compile --calibrate). With round=pow2, s_k is the
    power of two nearest to that by its logarithm: then nothing rounds, and a
    model in f32 gives the same bits, as long as no number leaves the range of
    normal ones.

    The division costs nothing at run time. It goes into

    ```
    norm -> linear layers            weight and bias of the norm
    linear, act(g) * u -> linear     rows and bias of the layer that makes u
    linear -> attention -> linear    rows and bias of the layer that makes the
                                     values; heads that share values share s
    ```

    where params belong to one layer alone, and, for a norm, linear layers alone
    read it: a norm that feeds the residual stream (BERT) stays. Elsewhere
    nothing happens, and a remark says why.

    method=hadamard rotates instead: x · Wᵀ is (x · Q) · (W · Q)ᵀ for an orthogonal
    Q, here H_n / sqrt(n) for runs of n channels (winnow.hadamard), which spreads
    large channels and large weights over their run (QuaRot, arXiv 2404.00456;
    the R2 of SpinQuant, arXiv 2405.16406). It needs no statistics. A rotation
    goes through what takes weighted sums of whole vectors, but not through what
    takes channels one by one: a norm's weight, an activation function, a
    product. So it is done in one of the three places,

    ```
    linear -> attention -> linear    rows and bias of the layer that makes the
                                     values, columns of the one behind
    ```

    with the largest power of two that divides the channels of a head as n. The
    values in a cache are rotated, too.

    ```mlir
    %g = winnow.use @norm : tensor<64xf32>
    %n = winnow.norm rms %x weight(%g : tensor<64xf32>) ...
    %w = winnow.use @w : tensor<32x64xf32>
    %y = winnow.linear %n, %w : ...
    // becomes
    %g = winnow.use @norm : tensor<64xf32>
    %i = arith.constant dense<...> : tensor<64xf32>     // 1 / s
    %h = arith.mulf %g, %i : tensor<64xf32>
    %n = winnow.norm rms %x weight(%h : tensor<64xf32>) ...
    %w = winnow.use @w : tensor<32x64xf32>
    %s = arith.constant dense<...> : tensor<64xf32>
    %e = tensor.empty() : tensor<32x64xf32>
    %b = linalg.broadcast ins(%s : tensor<64xf32>) outs(%e : tensor<32x64xf32>) dimensions = [0]
    %v = arith.mulf %w, %b : tensor<32x64xf32>
    %y = winnow.linear %n, %v : ...
    ```

    That arithmetic is done when the weights are written
    (winnow-assign-layouts). `only` looks at the names of the weights that read a
    value. A weight that was stored in another format is f32 from then on (with
    round=pow2, bf16 stays bf16) until winnow-quantize-weights gives it one; if
    that pass has come before, numbers are multiplied or rotated first and
    rounded then.

    Requires: with method=diagonal, statistics of the model; to stand before
    `winnow-inline-layers` and `winnow-quantize-activations`.
    Guarantees: results are the same but for the rounding of f32, as long as
    weights stay f32. The statistics in the module are those of the new values
    (channels.outliers of divided ones is gone, and of rotated ones all but
    channels.mean, channels.rms and gram.mean, so that they are divided before
    they are rotated, or not at all).
    Keeps: with method=none, everything.
    Lossy? Exact in real numbers: f32 rounds products, with round=pow2 not even
    that.
    Each value that linear layers read gets a remark.
  }];
  let options = [
    Option<"method", "method", "std::string", "\"none\"",
           "What is done: diagonal (SmoothQuant), hadamard (a rotation) or none">,
    Option<"alpha", "alpha", "double", "0.5",
           "Of diagonal: how much of the size of activations goes to weights, 0 "
           "to 1">,
    Option<"round", "round", "std::string", "\"nearest\"",
           "Of diagonal: factors are nearest (f32) or pow2 (powers of two)">,
    Option<"only", "only", "std::string", "\"\"",
           "Regular expression that the name of a weight which reads the value "
           "has to match">
  ];
  let statistics = [
    Statistic<"numScaled", "scaled", "Values that are divided or rotated">,
    Statistic<"numKept", "kept", "Values that stay as they are">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect",
                           "::winnow::WinnowDialect"];
}

def WinnowKvFormat : Pass<"winnow-kv-format", "::mlir::ModuleOp"> {
  let summary = "Store keys and values of caches in fewer bits";
  let description = [{
    What: changes the types of caches, `k` how keys and `v` how values are stored.
    They are rounded once, when a token is stored, as `!winnow.kv_cache` says;
    attention reads what is stored without a copy of it. Behind a long text caches
    are a good part of what a decoder reads for a token, and most of what a session
    takes of memory.

    ```
    f32     4 bytes a number, exact
    bf16    2 bytes a number, off by at most 1/256 of itself
    int8    1 byte a number, and 4 bytes for the numbers of a head and token: off
            by at most 1/254 of the largest of them
    keep    as it is
    ```

    ```mlir
    %y, %next = winnow.layer residual(%x) inputs(%u = %x, %kv = %kv0) : (tensor<?x64xf32>, tensor<?x64xf32>,
        !winnow.kv_cache<heads = 1, key_dim = 64, value_dim = 64, key = f32, value = f32, capacity = 512>) -> ...
    // becomes, with k=int8 v=bf16
    %y, %next = winnow.layer residual(%x) inputs(%u = %x, %kv = %kv0) : (tensor<?x64xf32>, tensor<?x64xf32>,
        !winnow.kv_cache<heads = 1, key_dim = 64, value_dim = 64, key = i8, value = bf16, capacity = 512>) -> ...
    ```

    `only` and `skip` look at the name of a cache, such as kv3, and of the layer
    that stores in it, such as blk.3.attention. The last pass that names a cache decides.

    Requires: caches. An encoder has none: that is an error. It may stand anywhere in
    a recipe; tokens that an earlier pass leaves out of a cache stay out.
    Guarantees: bits that depend on neither pieces, threads nor other segments, as
    before; saved sessions of the size of what is stored.
    Keeps: everything but the types of caches. With k=keep v=keep, everything.
    Lossy? Yes, unless both are f32.
    Each changed cache gets a remark with its bytes for a token before and after and
    the bound above; what it does to results is not predicted. It is measured, once
    for all, where there are texts (winnow-compile --evaluate-on).
  }];
  let options = [
    Option<"k", "k", "std::string", "\"keep\"",
           "How keys are stored: keep, f32, bf16 or int8">,
    Option<"v", "v", "std::string", "\"keep\"",
           "How values are stored: keep, f32, bf16 or int8">,
    Option<"only", "only", "std::string", "\"\"",
           "Regular expression that the name of a cache, or of the layer that "
           "stores in it, has to match">,
    Option<"skip", "skip", "std::string", "\"\"",
           "Regular expression that neither must match">
  ];
  let statistics = [
    Statistic<"numSeen", "seen", "Caches that the options name">,
    Statistic<"numChanged", "changed", "Caches in another format">
  ];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

def WinnowLowRank : Pass<"winnow-low-rank", "::mlir::ModuleOp"> {
  let summary = "Make up for what codes have lost by two narrow layers";
  let description = [{
    What: behind each `linear` whose weight winnow-quantize-weights has encoded,
    two more of rank r, whose product comes closest to what its codes have lost.
    With EoRA (arXiv 2410.21271), close means in products with inputs like those
    of the calibration: of all B A of rank r, the sum of squares of x (W - W' -
    B A)ᵀ is least. The factors are computed here and become params.

    ```mlir
    %w = winnow.use @w : tensor<32x64xf32>
    %e = winnow.recode %w : tensor<32x64xf32> -> tensor<32x64xf32, #winnow.encoding<q4_0>>
    %y = winnow.linear %x, %e : ...
    // becomes, with rank=16
    %y = winnow.linear %x, %e : ...
    %a = winnow.use @w.low_rank_a : tensor<16x64xf32>
    %h = winnow.linear %x, %a : ...
    %b = winnow.use @w.low_rank_b : tensor<32x16xf32>
    %z = winnow.linear %h, %b : ...
    %s = linalg.map { arith.addf } ins(%y, %z : ...) outs(...)
    ```

    The factors are f32; winnow-quantize-weights{format=bf16 only="low_rank"}
    behind this pass halves them. `only` looks at the names of weights. A rank
    above the number of rows or columns is that number.

    Requires: to stand behind winnow-quantize-weights, and before
    `winnow-inline-layers` and `winnow-quantize-activations`; the Gram matrices
    of the layers (winnow-compile --calibrate --observe=gram).
    Guarantees: the error of products with the inputs of the calibration is the
    least that this rank allows, up to the rounding of factors to f32.
    Keeps: everything else; weights that other layers read as well. With rank=0,
    everything.
    Lossy? It takes back a part of a loss.
    Each such layer gets a remark.
  }];
  let options = [
    Option<"method", "method", "std::string", "\"eora\"",
           "What factors are closest in: eora">,
    Option<"rank", "rank", "int64_t", "0", "Rows between the two layers">,
    Option<"only", "only", "std::string", "\"\"",
           "Regular expression that the name of a weight has to match">
  ];
  let statistics = [
    Statistic<"numSeen", "seen", "Linear layers that the options name">,
    Statistic<"numAdded", "added", "Of these, with two more">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect",
                           "::winnow::WinnowDialect"];
}

def WinnowMixedPrecision : Pass<"winnow-mixed-precision", "::mlir::ModuleOp"> {
  let summary = "Choose a number format for each matrix, under a size";
  let description = [{
    What: gives each matrix one of `formats`, so that the file NAME.weights has
    at most `size` bytes and what the formats cost is small in sum. The size is
    a share of what the file would be without this pass (60%), or bytes, KB, MB
    or GB (of 1000), and exact: header, padding, and everything that is no
    matrix count too. It is met if nothing behind this pass changes weights.

    What a format costs a matrix is the squared error of its products over their
    squared norm, for inputs x like those of a calibration. Its rows are encoded
    (of large matrices some, at equal distances); with dw a row of differences,
    w a row, and H = mean x xᵀ (--observe=gram), that is

    ```
    Σ dw H dwᵀ / Σ w H wᵀ      or, without H, Σ dw² rms² / Σ w² rms²
    ```

    A table of which rows are taken costs Σ dw² / Σ w², and one that is
    multiplied too, as the head, the sum of both. With method=gptq matrices
    whose H is known have the codes that GPTQ fits to it, wherever those cost
    less.

    All matrices start at their least cost. Steps to fewer bytes, along the
    lower convex hull of cost over bytes of each matrix, are taken by the cost
    of a byte saved until the file fits; then single matrices and pairs are
    changed as long as the sum falls. No choice has a sum that is less by more
    than the cost of the last step, which a remark tells.

    ```mlir
    %w = winnow.use @w : tensor<32x64xf32>
    %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
    // becomes, with size=30% formats=q8_0,q4_0
    %w = winnow.use @w : tensor<32x64xf32>
    %e = winnow.recode %w : tensor<32x64xf32> -> tensor<32x64xf32, #winnow.encoding<q8_0>>
    %y = winnow.linear %x, %e : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<?x32xf32>
    ```

    The result is what `winnow-quantize-weights{format=... method=... only=...}`
    would make for each matrix: formats that do not fit rows are replaced as
    there, and what an earlier pass did to a matrix is taken back. `keep` among
    the formats lets a matrix be what it is.

    Requires: statistics (winnow-compile --calibrate) of each matrix that is
    multiplied; to stand before `winnow-quantize-activations`. The sizes are
    known to winnow-compile and the libraries, not to winnow-opt.
    Guarantees: the size, or an error that tells the least possible one.
    Keeps: what is not read as a matrix. With size=100% formats=keep,
    everything.
    Lossy? Yes.
    Each matrix gets a remark, and each of its formats one with cost and bytes.
  }];
  let options = [
    Option<"size", "size", "std::string", "\"100%\"",
           "Bytes of the weights: a share such as 60%, or a number of bytes, "
           "KB, MB or GB">,
    ListOption<"formats", "formats", "std::string",
               "Number formats to choose from, as in #winnow.encoding, or keep">,
    Option<"method", "method", "std::string", "\"rtn\"",
           "rtn: the nearest codes; gptq: those that GPTQ fits, where they are "
           "better">,
    Option<"only", "only", "std::string", "\"\"",
           "Regular expression that the name of a weight, or of a layer that "
           "reads it, has to match">,
    Option<"skip", "skip", "std::string", "\"\"",
           "Regular expression that neither must match">
  ];
  let statistics = [
    Statistic<"numSeen", "seen", "Matrices that the options name">,
    Statistic<"numEncoded", "encoded", "Matrices in another format">
  ];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

def WinnowQuantizeActivations
    : Pass<"winnow-quantize-activations", "::mlir::func::FuncOp"> {
  let summary = "Round the inputs of linear layers to what their weights are";
  let description = [{
    What: in front of each `linear` whose weight has integer codes, a `recode`
    of the input to `a8_b32`: 8-bit codes with one f32 scale for 32 channels.
    The dot product can then run on integers. In front of each `linear` whose
    weight is bf16, a `recode` to `bf16`: processors multiply pairs of such
    numbers at twice the speed. Layers that read the same value share a
    `recode`.

    ```mlir
    %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q5_0>> -> tensor<?x32xf32>
    // becomes
    %q = winnow.recode %x : tensor<?x64xf32> -> tensor<?x64xf32, #winnow.encoding<a8_b32>>
    %y = winnow.linear %q, %w : tensor<?x64xf32, #winnow.encoding<a8_b32>>, ...
    ```

    Requires: nothing. Guarantees: nothing else changes.
    Keeps: linear layers with weights of f32 and f16, and inputs that are
    encoded already.
    Lossy? Yes: each input is off by at most half a step, amax / 254 of its
    block of 32, or 2^-8 of itself in bf16. It is the one lossy pass that runs by default; the option
    --activations=f32 of winnow-compile leaves it out.
    Each changed layer gets a remark.
  }];
  let options = [
    Option<"enabled", "enabled", "bool", "true",
           "false: the identity, for pipelines that switch by option">
  ];
  let statistics = [
    Statistic<"numSeen", "seen", "Linear layers seen">,
    Statistic<"numChanged", "changed", "Linear layers with rounded inputs">,
    Statistic<"numFloat", "float-weights", "Kept: weights are f32 or f16">
  ];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

def WinnowQuantizeWeights : Pass<"winnow-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "Store the matrices of a model in another number format";
  let description = [{
    What: a `recode` between each `param` that `linear` or `embed` reads as a
    matrix and those ops, so that they read it in another number format. The
    numbers get their codes when the artifact is written; params themselves stay
    as they are. `method` says which codes: rtn rounds to nearest, under scales
    of least squared error; gptq (arXiv 2210.17323) lets the codes of a row make
    up for one another, so that the error of the product is small for inputs like
    those of the calibration, whose Gram matrices (--observe=gram) it needs; awq
    (arXiv 2306.00978) needs them, too (--observe=channels,gram), or makes do with
    --observe=channels. It first divides the inputs of layers as winnow-equalize
    does, by

    ```
    s_k = max(mean|x_k|^a, 1e-4) / sqrt(max s · min s)
    ```

    with the a of 0, 1/20, ..., 19/20 for which the products of all layers that
    read the value lose least (of more than 512 rows, every nth is looked at),
    where that can be folded into what stands in front; elsewhere nothing is
    scaled, and a remark says why. Then it cuts off the numbers of each block at
    the level for which products of the block lose least (#winnow.codes<clip>),
    if there is a Gram matrix; clip is that step alone.
    Formats that store two of four inputs, or four of eight, leave out those of
    the least magnitude, with gptq those whose loss costs least by then (arXiv
    2301.00774); wanda (arXiv 2306.11695) leaves out those of the least magnitude
    times norm of the input, and needs no more than --observe=channels. Matrices
    that no linear layer reads, and float formats, are rounded to nearest. `only`
    and `skip` look at the name of a weight and at the names of layers that read
    it, such as blk.3.mlp.

    ```mlir
    %w = winnow.use @w : tensor<32x64xf32, #winnow.encoding<q8_0>>
    %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<?x32xf32>
    // becomes, with format=q4_0
    %w = winnow.use @w : tensor<32x64xf32, #winnow.encoding<q8_0>>
    %e = winnow.recode %w : tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<32x64xf32, #winnow.encoding<q4_0>>
    %y = winnow.linear %x, %e : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q4_0>> -> tensor<?x32xf32>
    ```

    Where the rows of a matrix are no multiple of the format's block, formats
    of 256 elements are replaced as in llama.cpp (q4_k by q5_0, q5_k by q5_1,
    q6_k by q8_0, q2_k, q3_k and iq4_xs by iq4_nl); if that does not fit
    either, the matrix stays as it is.

    What an earlier pass of this kind did to a matrix is taken back first: the
    last one that names it decides, and numbers are rounded once.

    Requires: to stand before `winnow-quantize-activations`, which looks at the
    formats of weights.
    Guarantees: all matrices that the options name are read in the format, or
    have a remark that says why not.
    Keeps: norms, biases (unless awq divides them) and whatever else is not read as
    a matrix; the numbers
    of a matrix that has the format already. With format=keep, everything.
    Lossy? Yes, unless the format is f32: the manifest of the artifact tells the
    error of each matrix, and of its products where the statistics have its Gram
    matrix.
    Each matrix gets a remark.
  }];
  let options = [
    Option<"format", "format", "std::string", "\"keep\"",
           "Number format, as in #winnow.encoding, or keep">,
    Option<"method", "method", "std::string", "\"rtn\"",
           "How codes are chosen: rtn, awq, clip, gptq or wanda">,
    Option<"only", "only", "std::string", "\"\"",
           "Regular expression that the name of a weight, or of a layer that "
           "reads it, has to match">,
    Option<"skip", "skip", "std::string", "\"\"",
           "Regular expression that neither must match">
  ];
  let statistics = [
    Statistic<"numSeen", "seen", "Matrices that the options name">,
    Statistic<"numEncoded", "encoded", "Matrices in another format">,
    Statistic<"numFallback", "fallback",
              "Of these, in the format that is used for rows which do not fit">,
    Statistic<"numKept", "kept", "Matrices that stay as they are">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect",
                           "::winnow::WinnowDialect"];
}

#endif // WINNOW_COMPRESS_NUMBERPASSES
