//===- Passes.td - Passes that take something out of a model -*- tablegen -*-===//

#ifndef WINNOW_COMPRESS_PASSES
#define WINNOW_COMPRESS_PASSES

include "mlir/Pass/PassBase.td"
include "winnow/Compress/NumberPasses.td"

// Keep alphabetical.

def WinnowDropLayers : Pass<"winnow-drop-layers", "::mlir::ModuleOp"> {
  let summary = "Leave out residual layers";
  let description = [{
    What: a `layer` y = r + m · f is replaced by its residual r, as LLM-Drop
    (arXiv 2406.15786) and ShortGPT (arXiv 2403.03853) do. What only it used
    goes with it: weights, norms, the cache with its argument and result.

    ```mlir
    %y = winnow.layer residual(%x) inputs(%u = %x) : ... { ... }
    %z = winnow.layer residual(%y) inputs(%u = %y) : ... { ... }
    // becomes, if the first one is dropped
    %z = winnow.layer residual(%x) inputs(%u = %x) : ... { ... }
    ```

    `granularity` says what is counted, from 0 and in each function by itself:
    attention, the layers that mix tokens; mlp, the others; block, a layer that
    mixes tokens with the others that follow it; joint, every layer.

    Which ones says `layers`, a list, or `count` with a `metric`: as many of
    those that the model misses least, without those that `protect` lists. A
    metric is the mean over tokens of

    ```
    cosine     cos(x, y), x in front of the layer and y behind it (LLM-Drop)
    shortgpt   Block Influence 1 - cos(x, y), of blocks (ShortGPT)
    angle      arccos(cos(x, y))
    kl         KL(p, q), p what the model says before any pass changed it and q
               what is said without the layer; of an encoder, 1 - cos of both
               results
    ```

    The first three are measured once on the whole model (winnow-compile
    --calibrate); of cosine the largest goes, of the others the least. For kl,
    a program without the layer is compiled and run for each layer that may go,
    on the texts of winnow-compile --evaluate-on. With order=iterative the
    layers go one by one, and after each of them what is left is measured again
    on those texts, whatever the metric. Of equals the first goes.

    In a model that normalises behind each layer (BERT), the norm is the
    layer's and goes with it: a model without a block is one that was built
    without it.

    Requires: layers, that is to stand before `winnow-inline-layers`. Caches of
    a layer are passed through it (winnow-verify-model).
    Guarantees: what stays is unchanged and keeps its name. What nothing reads
    any more is erased.
    Keeps: everything if `layers` is empty and `count` is 0.
    Lossy? Yes.
    Each layer that is dropped gets a remark.
  }];
  let options = [
    Option<"granularity", "granularity", "std::string", "\"block\"",
           "What is dropped: block, attention, mlp or joint (either of both)">,
    ListOption<"layers", "layers", "int64_t",
               "Which of them, counted from 0 in the order of the program">,
    Option<"count", "count", "int64_t", "0",
           "How many, chosen by `metric`, in place of `layers`">,
    Option<"metric", "metric", "std::string", "\"cosine\"",
           "What chooses them: cosine, shortgpt, angle or kl">,
    Option<"order", "order", "std::string", "\"oneshot\"",
           "With count: oneshot, or iterative, which measures again after each "
           "layer">,
    ListOption<"protect", "protect", "int64_t",
               "With count: layers that stay">
  ];
  let statistics = [
    Statistic<"numSeen", "seen", "Layers seen">,
    Statistic<"numDropped", "dropped", "Layers dropped">,
    Statistic<"numParams", "params", "Weights that went with them">,
    Statistic<"numCaches", "caches", "Caches that went with them">
  ];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

def WinnowGate : Pass<"winnow-gate", "::mlir::ModuleOp"> {
  let summary = "Let tokens pass layers over when a program runs";
  let description = [{
    What: in front of what `layers` lists, each token gets a score, from its own
    numbers alone. If that is below `threshold`, it passes over: behind the layer
    it is what it was in front (the layer bypass of Duo-LLM, arXiv 2410.10846).
    The rows of the others are computed, and put back among all.

    `granularity` says what is counted, from 0 and in each function by itself, as
    winnow-drop-layers counts: mlp, layers that treat each token by itself;
    attention, layers that mix tokens; block, both, with one score for both. With
    exit, which is of blocks, a token that passes one over passes over all that
    follow, too (early exit: CALM, arXiv 2207.07061; LayerSkip, arXiv 2404.16710).

    ```
    cosine  1 - cos(x, y), x the token in front of the layer before, y behind it;
            of blocks, the block before
    norm    |y - x| / |x| of the same
    random  a number in [0, 1) that depends on seed, number and position: a
            baseline
    router  the sigmoid of the token times a weight [1, D] of the checkpoint, in
            f32, whose name `router` gives, with * for the number
    ```

    ```mlir
    %y = winnow.layer residual(%x) inputs(%u = %x) ...
    %z = winnow.layer residual(%y) inputs(%u = %y) ...
    // becomes, with granularity=mlp layers=0 criterion=cosine threshold=0.01
    %y = winnow.layer residual(%x) inputs(%u = %x) ...
    %change = winnow.token_change cosine %x, %y : tensor<?x64xf32> -> tensor<?xf32>
    %kept = winnow.token_select %change {policy = #winnow.token_policy<least = 1.0e-02 : f32>} : tensor<?xf32> -> tensor<?xi32>
    %rows = winnow.token_gather %y[%kept] : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
    %w = winnow.layer residual(%rows) inputs(%u = %rows) ...
    %z = winnow.token_restore %w[%kept] over %y : tensor<?x64xf32>, tensor<?xi32>, tensor<?x64xf32>
    ```

    In an attention layer, queries are those of tokens that go through; keys and
    values are computed of all, so that a token that passes over is still seen
    by others, as what it is there, and caches have a row for each token (what
    Duo-LLM's study and early exits call computing or propagating them). To pass
    over an attention layer saves its queries, the attention of these and the
    projection behind, not keys and values.

    Instead of `threshold`, `skip` gives the share of tokens that pass over, for
    cosine and norm: the threshold is the quantile of the scores of a calibration
    of the whole model (winnow-compile --calibrate).

    A layer that was passed over has changed nothing: with cosine or norm and
    blocks one behind another, a token that passes over the first one passes over
    the others.

    Requires: layers, that is to stand before `winnow-inline-layers`, and behind
    winnow-prune-tokens. Attention needs a cache where it has segments.
    Guarantees: whether a token passes over depends on that token alone, and
    what goes through is computed as ever. If all do, results are those of the
    model without the pass, bit for bit; if none does, those of the model that
    winnow-drop-layers leaves, whose weights and caches are still there.
    Keeps: with threshold=0 or skip=0, everything.
    Lossy? Yes.
    Each gate gets a remark.
  }];
  let options = [
    Option<"granularity", "granularity", "std::string", "\"mlp\"",
           "What tokens pass over: mlp, attention or block">,
    ListOption<"layers", "layers", "int64_t",
               "Which of them, counted from 0 in the order of the program">,
    Option<"criterion", "criterion", "std::string", "\"cosine\"",
           "What scores are: cosine, norm, random or router">,
    ListOption<"threshold", "threshold", "double",
               "Tokens with scores below it pass over; one or one for each of "
               "layers. With 0, none does">,
    ListOption<"skip", "skip", "double",
               "In place of threshold: the share of the tokens of a calibration "
               "that pass over">,
    Option<"exit", "exit", "bool", "false",
           "Who passes a block over passes over all later ones, too">,
    Option<"router", "router", "std::string", "\"\"",
           "With router: the name of the weights, with * for the number">,
    Option<"seed", "seed", "int64_t", "0", "With random: which numbers">
  ];
  let statistics = [
    Statistic<"numGates", "gates", "Gates put in front of layers">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect",
                           "::winnow::WinnowDialect"];
}

def WinnowNeighbourAttention
    : Pass<"winnow-neighbour-attention", "::mlir::ModuleOp"> {
  let summary = "Let the patches of an image see those near them alone";
  let description = [{
    What: attention of an encoder of images in which each patch sees the `window`
    x `window` patches around it, itself in the middle, and those tokens that
    stand in front of the patches, as the class token. These see all, and all see
    them: the neighbour attention of Treat Visual Tokens as Text (arXiv
    2410.06169). Kernels pass over rows of patches that nobody sees.

    ```mlir
    %a = winnow.attention query(%q, %p) key(%k, %p) value(%v) {mask = #winnow.mask<full>, ...}
    // becomes, with window=5, for 14 patches in a row
    %a = winnow.attention query(%q, %p) key(%k, %p) value(%v) {mask = #winnow.mask<grid, window = 2, sinks = 1, width = 14>, ...}
    ```

    Requires: `winnow.image_patches`, whose patches are the grid; layers, that is
    to stand before `winnow-inline-layers`; attention of all tokens on all, with
    positions that number them.
    Guarantees: where tokens have left (winnow-prune-tokens), the others see
    those of their neighbours that are there.
    Keeps: with window=0, or one in which each patch sees all, everything.
    Lossy? Yes.
    Each layer gets a remark.
  }];
  let options = [
    Option<"window", "window", "int64_t", "0",
           "Patches on the side of what a patch sees: odd and at least 3; 0: all">,
    ListOption<"layers", "layers", "int64_t",
               "Which attention layers, counted from 0 (default: all)">
  ];
  let statistics = [
    Statistic<"numLayers", "layers", "Layers whose patches see less">
  ];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

def WinnowObserve : Pass<"winnow-observe", "::mlir::ModuleOp"> {
  let summary = "Put taps into a model, for a calibration";
  let description = [{
    What: `winnow.observe` taps on what the passes of this folder want to know
    of: `channels` and `gram` on the input of each `linear`, named like its
    weight; `similarity` between what goes into a layer and what comes out,
    named like the layer, and the same of blocks, FIRST..LAST. A norm behind the
    layers (BERT) counts as part of them, as it goes with them when they are
    dropped. Other results than caches are erased with what only they need, and
    the entry point is called `observe`: it is there for its taps alone.
    `winnow-compile --calibrate` runs this pass, compiles and runs the result.

    ```mlir
    %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
    // becomes, with kinds=channels
    winnow.observe channels "blk.0.attn_q.weight"(%x) : tensor<?x64xf32>
    %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
    ```

    Requires: one entry point; to stand before `winnow-inline-layers`.
    Guarantees: values are what they were.
    Keeps: weights, caches.
    Lossy? Exact.
  }];
  let options = [
    ListOption<"kinds", "kinds", "std::string",
               "What to observe: channels, gram, similarity">,
    Option<"only", "only", "std::string", "\"\"",
           "Regular expression that the name of a weight or layer has to match">
  ];
  let statistics = [Statistic<"numTaps", "taps", "Taps put in">];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

def WinnowPruneTokens : Pass<"winnow-prune-tokens", "::mlir::ModuleOp"> {
  let summary = "Leave out tokens between layers";
  let description = [{
    What: where `layer` says, counted from 0, `keep` of the tokens of each
    segment stay, and later layers have so much less to do. The first `first`
    and the last `last` tokens always stay and are not counted. In an encoder,
    tokens leave behind an attention layer, in front of the feed-forward layer,
    rounded up; which others stay says `policy`:

    ```
    evit  those that the segment's first token, in an encoder the class token,
          pays the most attention to, in the mean over heads (EViT, arXiv
          2202.07800); with `fuse`, the others become one token more, their sum
          weighted by that attention, which is as any other token from there on
    tome  of every other token, those that are most like a token between them go
          into it: the row is their mean, later attention counts it as so many,
          and a mean over tokens weights it (ToMe, arXiv 2210.09461); keeps at
          least half
    turbo as tome, but `alpha` times the attention of the first token counts
          against being merged (Turbo, arXiv 2407.11717)
    ```

    ```mlir
    %y = winnow.layer residual(%x) inputs(%u = %x, %p = %positions, %s = %segments) ...
    %z = winnow.layer residual(%y) inputs(%u = %y) ...
    // becomes, with policy=evit layer=0 keep=0.5
    %y, %scores = winnow.layer residual(%x) inputs(%u = %x, %p = %positions, %s = %segments) ...
    %kept = winnow.token_select %scores of %segments : tensor<?xi32>,
        {policy = #winnow.token_policy<keep = 5.0e-01 : f64, first = 1>} : tensor<?xf32> -> tensor<?xi32>
    %rows = winnow.token_gather %y[%kept] : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
    %z = winnow.layer residual(%rows) inputs(%u = %rows) ...
    ```

    Positions, segments and sizes of later layers are gathered too; positions
    keep their numbers. A result with a row for each token gets them all: one
    that left as it was when it left (evit, threshold), one that was merged or
    fused as what it became part of. Shares of several layers multiply.

    In a decoder, tokens of a prompt leave in front of a block:

    ```
    fastv those stay that the last token of their segment pays the most attention
          to in the block before, in the mean over heads, rounded to the nearest
          number, of two the even one (FastV, arXiv 2403.06764)
    pyramiddrop as fastv, but by the attention that the last token would pay to
          the prompt's tokens in block `layer` itself, and `keep` is a share of
          those that could leave at first, rounded down; of several layers, it
          must not rise (PyramidDrop, arXiv 2410.17247, which has
          positions=compact)
    cut   none stays: from that block on nobody reads them, whatever they are
          (the layer cut of arXiv 2410.06169); there is no `keep`
    ```

    In either,

    ```
    threshold those stay to which that token, in an encoder the first, in a prompt
              the last, pays at least as much attention as `threshold` says, in
              the mean over heads; it stands in the place of `keep`, and how many
              stay is known when the program runs
    ```

    The decoder gets an entry point more, `prompt`, with an argument more,
    `prunable` [T]: tokens of 0 stay and are not counted, either. Caches of later
    layers hold what stays, at its own positions (`winnow.shorter`). Other entry
    points are as they were: tokens that come later see what is there. With
    positions=compact, later layers rotate by positions that count what their
    caches hold, in all entry points (`winnow.kv_next_positions`); what a window
    lets tokens see still goes by their distance in the sequence:

    ```mlir
    %next = winnow.kv_next_positions %kv of %segments : !cache, tensor<?xi32>
    %z, %kv1 = winnow.layer residual(%rows) inputs(%u = %rows, %c = %kv, %s = %segments, %p = %next) ...
    ```

    Requires: layers, that is to stand before `winnow-inline-layers`; where a
    policy goes by attention, one in the layer, or the block before (pyramiddrop:
    the block itself), of all tokens on all, or on all before, without sinks or
    soft cap; an order of several of these passes that is that of the layers;
    with positions=compact, that layers have been dropped before.
    Guarantees: a segment's results do not depend on other segments. Those of a
    prompt whose tokens all stay are those of the decoder, bit for bit.
    Keeps: everything where `keep` is 1, `threshold` is 0 or `layer` is empty.
    Lossy? Yes.
    Each layer that tokens leave behind gets a remark.
  }];
  let options = [
    Option<"policy", "policy", "std::string", "\"evit\"",
           "Which tokens stay: evit, tome or turbo of an encoder; fastv, "
           "pyramiddrop or cut of a prompt; threshold of either">,
    ListOption<"layer", "layer", "int64_t",
               "Attention layers behind which, or blocks in front of which, tokens leave">,
    ListOption<"keep", "keep", "double",
               "The share of tokens that stays, one or one for each layer">,
    ListOption<"threshold", "threshold", "double",
               "With threshold: the share of attention that a token needs to "
               "stay, one or one for each layer">,
    Option<"first", "first", "int64_t", "-1",
           "Tokens at the beginning of each segment that always stay; -1: 1, of "
           "a prompt 0">,
    Option<"last", "last", "int64_t", "-1",
           "Tokens at the end of each segment that always stay; -1: 0, of a "
           "prompt 1">,
    Option<"alpha", "alpha", "double", "1",
           "With turbo: how much attention counts beside likeness">,
    Option<"positions", "positions", "std::string", "\"keep\"",
           "Of a prompt: keep, later layers rotate by positions in the prompt, or "
           "compact, by places among what stays">,
    Option<"fuse", "fuse", "bool", "false",
           "With evit: tokens that leave become one token more">
  ];
  let statistics = [
    Statistic<"numSites", "sites", "Layers that tokens leave behind">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect",
                           "::winnow::WinnowDialect"];
}

def WinnowSparsify : Pass<"winnow-sparsify", "::mlir::ModuleOp"> {
  let summary = "Take channels of MLPs, or heads, out of a model";
  let description = [{
    Of single weights two of four, or four of eight, stay in a number format:
    winnow-quantize-weights{format=int8_g32_2of4}.

    What: makes layers narrower. A channel goes with everything that makes it and
    everything that reads it:

    ```
    mlp    gate, up -> elementwise -> down   rows of gate and up with their
                                             biases, columns of down
    heads  q, k, v -> attention -> o         the heads that share a key head:
                                             rows of q, k and v with their biases,
                                             columns of o, heads of the cache, of
                                             sinks and of a relative bias
    ```

    which gives what the whole model would with those channels at zero in front
    of down, or o. `keep` of all channels (groups of heads) stay; CFSP (arXiv
    2409.13199) says how many in which layer and which ones:

    ```
    layer    keep * u / mean u, with u = 1 / (1 + exp(-strength * 26.2144 (D - mean D)))
             D = mean arccos(cos(x, y)) / pi of the layer's block, x in front of
             it and y behind it (similarity.angle)
    channel  the highest root mean squares of what down reads (channels.rms; of
             groups of heads, the sum over what o reads of them)
    ```

    Where a layer would keep all or more, all u are drawn towards their mean
    first. Numbers are rounded to a `multiple` of channels so that their sum is
    close to `keep`; of equals the first stays. multiple=0 is what kernels and
    formats like: of an MLP 32, and the block of the format that down is stored
    in (256 for q4_k); of heads the latter alone. 26.2144 stands for the 128
    samples of 2048 tokens over which the published code takes the sum of D.

    ```mlir
    %g = winnow.use @gate : tensor<64x32xf32>
    %a = winnow.linear %x, %g : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32>
    %b = linalg.map { ... } ins(%a : tensor<?x64xf32>) ...
    %d = winnow.use @down : tensor<32x64xf32>
    %y = winnow.linear %b, %d : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
    // becomes, with keep=0.5
    %g = winnow.use @gate : tensor<64x32xf32>
    %h = winnow.take %g [1, 2, 5, ...] along 0 : tensor<64x32xf32> -> tensor<32x32xf32>
    %a = winnow.linear %x, %h : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
    %b = linalg.map { ... } ins(%a : tensor<?x32xf32>) ...
    %d = winnow.use @down : tensor<32x64xf32>
    %e = winnow.take %d [1, 2, 5, ...] along 1 : tensor<32x64xf32> -> tensor<32x32xf32>
    %y = winnow.linear %b, %e : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
    ```

    Weights are taken when the artifact is written, so that it is smaller. Rows
    are never rounded. Columns of a weight that is stored in blocks (q8_0) are
    decoded, taken and rounded to the same format again, or to the one that
    winnow-quantize-weights takes for rows which do not fit, and the remark says
    so; with align=block, blocks stay or go as a whole, and nothing is rounded.
    Where winnow-quantize-weights gives a format, numbers are taken first and
    rounded once.

    Requires: statistics of the model (winnow-compile --calibrate); to stand
    before `winnow-prune-tokens` (heads), `winnow-inline-layers` and
    `winnow-quantize-activations`.
    Guarantees: the statistics in the module are those of what is left.
    Keeps: what `only` and `skip` leave out, by names of layers (blk.3.mlp);
    layers of which others read a weight, with a remark. With keep=1,
    everything.
    Lossy? Yes.
    Each layer gets a remark.
  }];
  let options = [
    Option<"method", "method", "std::string", "\"cfsp\"",
           "What chooses: cfsp">,
    Option<"target", "target", "std::string", "\"mlp\"",
           "What goes: mlp (channels) or heads (groups that share a key head)">,
    Option<"keep", "keep", "double", "1.0", "The share that stays, of all layers">,
    Option<"strength", "strength", "double", "1.0",
           "How much more stays in layers whose block changes more; 0: all "
           "alike">,
    Option<"multiple", "multiple", "int64_t", "0",
           "What the number of channels that stay is a multiple of; 0: as the "
           "formats need it">,
    Option<"align", "align", "std::string", "\"none\"",
           "Channels that stay or go together: none, or block, those of a block "
           "of codes">,
    Option<"only", "only", "std::string", "\"\"",
           "Regular expression that the name of a layer has to match">,
    Option<"skip", "skip", "std::string", "\"\"",
           "Regular expression that it must not match">
  ];
  let statistics = [
    Statistic<"numSeen", "seen", "Layers seen">,
    Statistic<"numSliced", "sliced", "Layers made narrower">
  ];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

#endif // WINNOW_COMPRESS_PASSES
