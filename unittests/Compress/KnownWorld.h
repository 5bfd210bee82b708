//===- KnownWorld.h - A world for tests of the search -----------*- C++ -*-===//
//
// What programs cost is known here: errors and times of layers are sums, so
// that all plans can be tried.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_UNITTESTS_COMPRESS_KNOWNWORLD_H
#define WINNOW_UNITTESTS_COMPRESS_KNOWNWORLD_H

#include "winnow/Compress/BudgetSearch.h"

#include "winnow/Analysis/Services.h"
#include "winnow/Analysis/WeightPlanner.h"
#include "winnow/Compress/ExpectedTime.h"
#include "winnow/Compress/Passes.h"
#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include "gtest/gtest.h"

#include <cmath>

namespace winnow::test {

using namespace mlir;

inline constexpr StringLiteral kLayers = "abcde";
inline constexpr StringLiteral kFormats[] = {"f32", "q8_0", "q5_0", "q4_0",
                                             "gone"};
/// What a layer is, in the order of kFormats. q5_0 is slower than q8_0.
inline constexpr uint64_t kBytes[] = {4096, 1088, 704, 576, 0};
inline constexpr double kSeconds[] = {1.2, 0.5, 0.9, 0.4, 0};
/// About what rounding costs in these formats; times what layers are worth.
inline constexpr double kErrors[] = {0, 1.8e-5, 1.2e-3, 5.1e-3, 1};
inline constexpr double kWorth[] = {1, 20, 3, 0.5, 8};
inline constexpr double kGone[] = {0.9, 5, 0.05, 2, 0.4};
inline constexpr uint64_t kHeader = 256;
/// Of a layer beside its matrix.
inline constexpr double kOther = 0.2;

/// What attention takes with caches of 32, 16 and 8 bits, and what they cost.
inline constexpr double kCacheSeconds[] = {2, 1.3, 0.7};
inline constexpr double kCacheErrors[] = {0, 1e-6, 2e-4};
/// Arguments, and what they are stored with, of a module with caches.
inline constexpr StringLiteral kCache =
    "!winnow.kv_cache<heads = 1, key_dim = 2, value_dim = 2, key = f32, "
    "value = f32, capacity = 16>";
inline constexpr StringLiteral kAppend =
    "%kv1 = winnow.kv_append %kv, %rows, %rows at %ids, %ids : {0}, "
    "tensor<2x1x2xf32>, tensor<2x1x2xf32>, tensor<2xi32>, tensor<2xi32>\n";

/// What it costs that half of the rows, or a quarter, leave. Layers then take
/// as much less.
inline constexpr double kHalfError = 1.5e-2, kQuarterError = 6e-3;
/// A layer in front in which tokens see each other, and its arguments.
inline constexpr StringLiteral kAttention =
    "%y = winnow.layer residual(%x) inputs(%u = %x, %at = %p, %of = %s) : "
    "(tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi32>, tensor<?xi32>) -> "
    "tensor<?x32xf32> {\n"
    "  %c0 = arith.constant 0 : index\n"
    "  %t = tensor.dim %u, %c0 : tensor<?x32xf32>\n"
    "  %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [%t, 1, 32] : "
    "tensor<?x32xf32> into tensor<?x1x32xf32>\n"
    "  %o = winnow.attention query(%h, %at, %of) key(%h, %at, %of) value(%h) "
    "{mask = #winnow.mask<full>, scale = 1.0 : f32} : tensor<?x1x32xf32>, "
    "tensor<?x1x32xf32>, tensor<?x1x32xf32>, tensor<?xi32>, tensor<?xi32>, "
    "tensor<?xi32>, tensor<?xi32> -> tensor<?x1x32xf32>\n"
    "  %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x1x32xf32> into "
    "tensor<?x32xf32>\n"
    "  winnow.yield %j : tensor<?x32xf32>\n"
    "}\n";

/// Matrices of a layer in front that has channels: how much larger and slower
/// they are than the others, what rounding them costs more, how many channels
/// there are, and what it costs that a tenth or a quarter of them leave.
inline constexpr uint64_t kWide = 4;
inline constexpr double kWideWorth = 10;
inline constexpr int64_t kChannels = 1280;
inline constexpr double kTenthError = 1e-3, kNarrowError = 6e-3;
inline constexpr StringLiteral kMlp =
    "%y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<2x32xf32>, "
    "tensor<2x32xf32>) -> tensor<2x32xf32> {\n"
    "  %up = winnow.use @up : tensor<1280x32xf32>\n"
    "  %h = winnow.linear %u, %up : tensor<2x32xf32>, tensor<1280x32xf32> -> "
    "tensor<2x1280xf32>\n"
    "  %e = tensor.empty() : tensor<2x1280xf32>\n"
    "  %a = linalg.map { arith.negf } ins(%h : tensor<2x1280xf32>) "
    "outs(%e : tensor<2x1280xf32>)\n"
    "  %down = winnow.use @down : tensor<32x1280xf32>\n"
    "  %f = winnow.linear %a, %down : tensor<2x1280xf32>, "
    "tensor<32x1280xf32> -> tensor<2x32xf32>\n"
    "  winnow.yield %f : tensor<2x32xf32>\n"
    "} loc(\"wide\")\n";

/// Formats of the two matrices, and the share of the channels that is left.
struct Wide {
  unsigned up = 0, down = 0;
  double share = 1;

  double sum(const double *values) const { return values[up] + values[down]; }
  uint64_t bytes() const {
    return static_cast<uint64_t>(
        share * static_cast<double>(kWide * (kBytes[up] + kBytes[down])));
  }
  double seconds() const { return share * double(kWide) * sum(kSeconds); }
  double divergence() const {
    return kWideWorth * sum(kErrors) + (share == 1     ? 0
                                        : share == 0.9 ? kTenthError
                                                       : kNarrowError);
  }
};

/// The format of each layer, as a place in kFormats.
using State = std::array<unsigned, 5>;

inline StringRef layerOf(LinearOp linear) {
  return cast<NameLoc>(linear->getParentOfType<LayerOp>().getLoc()).getName();
}

inline unsigned formatOf(LinearOp linear) {
  EncodingAttr encoding = getEncoding(linear.getWeight().getType());
  StringRef format = encoding ? encoding.getFormat() : StringRef("f32");
  return static_cast<unsigned>(llvm::find(kFormats, format) - kFormats);
}

inline State stateOf(ModuleOp module) {
  State state;
  state.fill(4);
  module.walk([&](LinearOp linear) {
    if (layerOf(linear) != "wide")
      state[kLayers.find(layerOf(linear))] = formatOf(linear);
  });
  return state;
}

/// Of a module that has such a layer.
inline std::optional<Wide> wideOf(ModuleOp module) {
  std::optional<Wide> wide;
  module.walk([&](LinearOp linear) {
    if (layerOf(linear) != "wide")
      return;
    if (!wide)
      wide.emplace();
    auto shape = linear.getWeight().getType().getShape();
    (shape[0] == 32 ? wide->down : wide->up) = formatOf(linear);
    wide->share = double(std::max(shape[0], shape[1])) / double(kChannels);
  });
  return wide;
}

/// The place of the caches' format, if there are any.
inline std::optional<unsigned> cacheOf(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    for (Type type : function.getArgumentTypes())
      if (auto cache = dyn_cast<KvCacheType>(type))
        return cache.getKeyType().isF32()    ? 0
               : cache.getKeyType().isBF16() ? 1
                                             : 2;
  return std::nullopt;
}

/// The share of the rows that is left behind the first layer.
inline double rowsOf(ModuleOp module) {
  double share = 1;
  module.walk([&](TokenSelectOp select) {
    share = select.getPolicy().getKeep().getValueAsDouble();
  });
  return share;
}

inline uint64_t bytesOf(const State &state) {
  uint64_t bytes = kHeader;
  for (unsigned format : state)
    bytes += kBytes[format];
  return bytes;
}

inline double secondsOf(const State &state) {
  double seconds = 0;
  for (unsigned format : state)
    seconds += format == 4 ? 0 : kSeconds[format] + kOther;
  return seconds;
}

inline double divergenceOf(const State &state) {
  double divergence = 0;
  for (size_t i = 0; i < state.size(); ++i)
    divergence += state[i] == 4 ? kGone[i] : kErrors[state[i]] * kWorth[i];
  return divergence;
}

class FakePlanner : public WeightPlanner {
public:
  llvm::Expected<std::vector<PlannedWeight>> plan(ModuleOp module) override {
    std::vector<PlannedWeight> weights;
    State state = stateOf(module);
    for (size_t i = 0; i < state.size(); ++i)
      if (state[i] != 4)
        weights.push_back(
            {kLayers.substr(i, 1).str(), false, {}, kBytes[state[i]]});
    if (std::optional<Wide> wide = wideOf(module))
      for (auto [name, format] :
           {std::pair("up", wide->up), {"down", wide->down}})
        weights.push_back(
            {name, false, {}, Wide{format, 4, wide->share}.bytes()});
    return weights;
  }
  llvm::Expected<uint64_t>
  getFileSize(llvm::ArrayRef<PlannedWeight> weights) override {
    uint64_t bytes = kHeader;
    for (const PlannedWeight &weight : weights)
      bytes += weight.bytes;
    return bytes;
  }
};

class FakeEvaluator : public Evaluator {
public:
  llvm::Expected<Quality> evaluate(ModuleOp candidate, double, RunTime *time,
                                   double timedBelow) override {
    double divergence = divergenceOf(stateOf(candidate));
    if (std::optional<unsigned> cache = cacheOf(candidate))
      divergence += kCacheErrors[*cache];
    if (std::optional<Wide> wide = wideOf(candidate))
      divergence += wide->divergence();
    double rows = rowsOf(candidate);
    divergence += rows == 1 ? 0 : rows == 0.5 ? kHalfError : kQuarterError;
    if (time && divergence < timedBelow)
      *time = llvm::cantFail(this->time(candidate));
    return Quality{divergence, std::nullopt};
  }
  llvm::Expected<RunTime> time(ModuleOp candidate) override {
    State state = stateOf(candidate);
    PhaseTime phase;
    phase.name = "encode";
    bool isMixed = !llvm::all_equal(state);
    double rows = rowsOf(candidate);
    phase.seconds = secondsOf(state) * rows * (isMixed ? surprise : 1);
    if (std::optional<unsigned> cache = cacheOf(candidate)) {
      phase.seconds += kCacheSeconds[*cache];
      phase.stages.push_back({"", {}, kCacheSeconds[*cache]});
    }
    if (std::optional<Wide> wide = wideOf(candidate)) {
      phase.seconds += wide->seconds();
      for (auto [name, format] :
           {std::pair("up", wide->up), {"down", wide->down}})
        phase.stages.push_back(
            {"", {name}, Wide{format, 4, wide->share}.seconds()});
    }
    for (size_t i = 0; i < state.size(); ++i)
      if (state[i] != 4) {
        phase.stages.push_back(
            {"", {kLayers.substr(i, 1).str()}, kSeconds[state[i]] * rows});
        phase.stages.push_back({"", {}, kOther * rows});
      }
    return RunTime{phase};
  }
  llvm::Expected<llvm::StringMap<float>> observeSimilarity(ModuleOp) override {
    return llvm::StringMap<float>();
  }
  bool advance(llvm::StringRef, double) override { return runs++ < stopsAfter; }

  /// How much longer mixed programs take than their parts.
  double surprise = 1;
  int runs = 0, stopsAfter = 1000;
};

class BudgetSearchTest : public testing::Test {
protected:
  BudgetSearchTest()
      : handler(&context, [this](Diagnostic &diagnostic) {
          message = diagnostic.str();
          return success();
        }) {
    static bool registered = (registerWinnowCompressPasses(), true);
    (void)registered;
    context.loadDialect<WinnowDialect, func::FuncDialect, arith::ArithDialect,
                        linalg::LinalgDialect, tensor::TensorDialect>();
    parse(Extra::Nothing);
  }

  /// What a module has beside the layers.
  enum class Extra { Nothing, Cache, Attention, Mlp };

  void parse(Extra extra) {
    bool hasCache = extra == Extra::Cache;
    bool hasAttention = extra == Extra::Attention;
    bool hasMlp = extra == Extra::Mlp;
    StringRef rows = hasAttention ? "tensor<?x32xf32>" : "tensor<2x32xf32>";
    std::string text = "module attributes {winnow.statistics = {model = \"\", "
                       "tokens = 3 : i64, readers = {}, values = {";
    for (char layer : kLayers)
      text += llvm::formatv("{0}\"channels.rms/{1}\" = dense<1.0> : "
                            "tensor<32xf32>, \"similarity.cosine/{1}\" = "
                            "dense<{2:f2}> : tensor<1xf32>",
                            layer == 'a' ? "" : ", ", layer,
                            1 - kGone[layer - 'a'] / 10)
                  .str();
    if (hasMlp)
      text += ", \"channels.rms/down\" = dense<1.0> : tensor<1280xf32>, "
              "\"channels.rms/up\" = dense<1.0> : tensor<32xf32>, "
              "\"similarity.angle/wide..e\" = dense<0.5> : tensor<1xf32>, "
              "\"similarity.cosine/wide\" = dense<0.0> : tensor<1xf32>";
    text += "}}} {\n";
    if (hasMlp)
      text += "winnow.param @up from {random = 1 : i64} : tensor<1280x32xf32>\n"
              "winnow.param @down from {random = 2 : i64} : "
              "tensor<32x1280xf32>\n";
    for (char layer : kLayers)
      text += llvm::formatv("winnow.param @{0} from {{random = {1} : i64} : "
                            "tensor<32x32xf32>\n",
                            layer, int(layer))
                  .str();
    text += llvm::formatv("func.func @forward(%x: {0}", rows);
    if (hasCache)
      text += ", %kv: " + kCache.str() +
              ", %rows: tensor<2x1x2xf32>, %ids: tensor<2xi32>";
    if (hasAttention)
      text += ", %p: tensor<?xi32>, %s: tensor<?xi32>";
    text += llvm::formatv(") -> ({0}", rows);
    text += hasCache ? ", " + kCache.str() + ") {\n" : ") {\n";
    if (hasCache)
      text += llvm::formatv(kAppend.str().c_str(), kCache).str();
    if (hasAttention)
      text += kAttention;
    if (hasMlp)
      text += kMlp;
    std::string before = hasAttention || hasMlp ? "y" : "x";
    for (char layer : kLayers) {
      text += llvm::formatv(
                  "%y{0} = winnow.layer residual(%{1}) inputs(%u = %{1}) : "
                  "({2}, {2}) -> {2} "
                  "{{\n  %w = winnow.use @{0} : tensor<32x32xf32>\n"
                  "  %f = winnow.linear %u, %w : {2}, "
                  "tensor<32x32xf32> -> {2}\n"
                  "  winnow.yield %f : {2}\n} loc(\"{0}\")\n",
                  layer, before, rows)
                  .str();
      before = std::string("y") + layer;
    }
    text += "return %" + before;
    text += hasCache ? llvm::formatv(", %kv1 : {0}, {1}", rows, kCache).str()
                     : llvm::formatv(" : {0}", rows).str();
    text += "\n}\n}\n";
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << message;
  }

  FailureOr<SearchResult> search(StringRef budget) {
    SearchOptions options;
    options.budget = llvm::cantFail(Budget::parse(budget));
    options.formats = {"q8_0", "q5_0", "q4_0"};
    Services services;
    services.evaluator = &evaluator;
    services.planner = &planner;
    ServicesScope scope(context, services);
    return searchUnderBudget(*module, options);
  }

  /// The same for a share of the time, which has to be kept.
  FailureOr<SearchResult> searchTime(double share, double whole) {
    std::string budget = llvm::formatv("time={0:f2}x", share).str();
    FailureOr<SearchResult> result = search(budget);
    EXPECT_TRUE(succeeded(result)) << budget << ": " << message;
    if (succeeded(result))
      EXPECT_LE(getSeconds(result->found.time), share * whole + 1e-9);
    return result;
  }

  /// The least of `cost` over all plans for which `fits` holds.
  template <typename Fits, typename Cost>
  static double best(Fits fits, Cost cost) {
    double least = INFINITY;
    State state = {};
    for (;;) {
      if (fits(state))
        least = std::min(least, double(cost(state)));
      size_t i = 0;
      while (i < state.size() && ++state[i] == std::size(kFormats))
        state[i++] = 0;
      if (i == state.size())
        return least;
    }
  }

  MLIRContext context;
  std::string message;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
  FakeEvaluator evaluator;
  FakePlanner planner;
};

inline const uint64_t kWhole = bytesOf({});
inline const double kWholeSeconds = secondsOf({});

} // namespace winnow::test

#endif // WINNOW_UNITTESTS_COMPRESS_KNOWNWORLD_H
