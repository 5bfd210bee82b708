//===- BudgetSearchTest.cpp - A recipe under a budget ---------------------===//
//
// The search in a world where what programs cost is known: errors and times of
// layers are sums, so that all plans can be tried.
//
//===----------------------------------------------------------------------===//

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

using namespace mlir;
using namespace winnow;

namespace {

constexpr StringLiteral kLayers = "abcde";
constexpr StringLiteral kFormats[] = {"f32", "q8_0", "q5_0", "q4_0", "gone"};
/// What a layer is, in the order of kFormats. q5_0 is slower than q8_0.
constexpr uint64_t kBytes[] = {4096, 1088, 704, 576, 0};
constexpr double kSeconds[] = {1.2, 0.5, 0.9, 0.4, 0};
/// About what rounding costs in these formats; times what layers are worth.
constexpr double kErrors[] = {0, 1.8e-5, 1.2e-3, 5.1e-3, 1};
constexpr double kWorth[] = {1, 20, 3, 0.5, 8};
constexpr double kGone[] = {0.9, 5, 0.05, 2, 0.4};
constexpr uint64_t kHeader = 256;
/// Of a layer beside its matrix.
constexpr double kOther = 0.2;

/// What attention takes with caches of 32, 16 and 8 bits, and what they cost.
constexpr double kCacheSeconds[] = {2, 1.3, 0.7};
constexpr double kCacheErrors[] = {0, 1e-6, 2e-4};
/// Arguments, and what they are stored with, of a module with caches.
constexpr StringLiteral kCache =
    "!winnow.kv_cache<heads = 1, key_dim = 2, value_dim = 2, key = f32, "
    "value = f32, capacity = 16>";
constexpr StringLiteral kAppend =
    "%kv1 = winnow.kv_append %kv, %rows, %rows at %ids, %ids : {0}, "
    "tensor<2x1x2xf32>, tensor<2x1x2xf32>, tensor<2xi32>, tensor<2xi32>\n";

/// What it costs that half of the rows, or a quarter, leave. Layers then take
/// as much less.
constexpr double kHalfError = 1.5e-2, kQuarterError = 6e-3;
/// A layer in front in which tokens see each other, and its arguments.
constexpr StringLiteral kAttention =
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
constexpr uint64_t kWide = 4;
constexpr double kWideWorth = 10;
constexpr int64_t kChannels = 1280;
constexpr double kTenthError = 1e-3, kNarrowError = 6e-3;
constexpr StringLiteral kMlp =
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

StringRef layerOf(LinearOp linear) {
  return cast<NameLoc>(linear->getParentOfType<LayerOp>().getLoc()).getName();
}

unsigned formatOf(LinearOp linear) {
  EncodingAttr encoding = getEncoding(linear.getWeight().getType());
  StringRef format = encoding ? encoding.getFormat() : StringRef("f32");
  return static_cast<unsigned>(llvm::find(kFormats, format) - kFormats);
}

State stateOf(ModuleOp module) {
  State state;
  state.fill(4);
  module.walk([&](LinearOp linear) {
    if (layerOf(linear) != "wide")
      state[kLayers.find(layerOf(linear))] = formatOf(linear);
  });
  return state;
}

/// Of a module that has such a layer.
std::optional<Wide> wideOf(ModuleOp module) {
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
std::optional<unsigned> cacheOf(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    for (Type type : function.getArgumentTypes())
      if (auto cache = dyn_cast<KvCacheType>(type))
        return cache.getKeyType().isF32()    ? 0
               : cache.getKeyType().isBF16() ? 1
                                             : 2;
  return std::nullopt;
}

/// The share of the rows that is left behind the first layer.
double rowsOf(ModuleOp module) {
  double share = 1;
  module.walk([&](TokenSelectOp select) {
    share = select.getPolicy().getKeep().getValueAsDouble();
  });
  return share;
}

uint64_t bytesOf(const State &state) {
  uint64_t bytes = kHeader;
  for (unsigned format : state)
    bytes += kBytes[format];
  return bytes;
}

double secondsOf(const State &state) {
  double seconds = 0;
  for (unsigned format : state)
    seconds += format == 4 ? 0 : kSeconds[format] + kOther;
  return seconds;
}

double divergenceOf(const State &state) {
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

const uint64_t kWhole = bytesOf({});
const double kWholeSeconds = secondsOf({});

TEST_F(BudgetSearchTest, KeepsASize) {
  for (int percent : {90, 50, 30, 20, 16}) {
    std::string budget = llvm::formatv("size={0}%", percent).str();
    FailureOr<SearchResult> result = search(budget);
    ASSERT_TRUE(succeeded(result)) << message;
    uint64_t allowed = kWhole * percent / 100;
    EXPECT_LE(result->found.bytes, allowed);
    double least = best([&](const State &s) { return bytesOf(s) <= allowed; },
                        divergenceOf);
    EXPECT_LE(result->found.divergence, 1.2 * least) << budget;
    // Nothing but the recipe changes, and it is what was measured.
    EXPECT_EQ(kWhole, result->before.bytes);
    EXPECT_TRUE(StringRef(result->recipe).contains(result->found.passes[0]));
  }
}

TEST_F(BudgetSearchTest, KeepsATime) {
  // Plans leave a little of the time, as it differs from run to run.
  for (double surprise : {1.0, 1.15})
    for (double share : {0.9, 0.6, 0.45, 0.35}) {
      evaluator.surprise = surprise;
      FailureOr<SearchResult> result = searchTime(share, kWholeSeconds);
      ASSERT_TRUE(succeeded(result));
      double least = best(
          [&](const State &s) {
            return secondsOf(s) * surprise <= 0.96 * share * kWholeSeconds;
          },
          divergenceOf);
      EXPECT_LE(result->found.divergence, 1.3 * least) << share << surprise;
    }
}

TEST_F(BudgetSearchTest, MakesCachesSmaller) {
  parse(Extra::Cache);
  double whole = kWholeSeconds + kCacheSeconds[0];
  for (double share : {0.8, 0.6, 0.4}) {
    FailureOr<SearchResult> result = searchTime(share, whole);
    ASSERT_TRUE(succeeded(result));
    double least = INFINITY;
    for (unsigned cache : {0, 1, 2})
      least = std::min(least, kCacheErrors[cache] +
                                  best(
                                      [&](const State &s) {
                                        return secondsOf(s) +
                                                   kCacheSeconds[cache] <=
                                               0.96 * share * whole;
                                      },
                                      divergenceOf));
    EXPECT_LE(result->found.divergence, 1.3 * least) << share;
    EXPECT_TRUE(StringRef(result->recipe).contains("winnow-kv-format"));
  }
  // Caches are not in the file.
  FailureOr<SearchResult> small = search("size=30%");
  ASSERT_TRUE(succeeded(small)) << message;
  EXPECT_FALSE(StringRef(small->recipe).contains("winnow-kv-format"));
}

TEST_F(BudgetSearchTest, LeavesTokensOut) {
  parse(Extra::Attention);
  for (double share : {0.7, 0.4, 0.2}) {
    FailureOr<SearchResult> result = searchTime(share, kWholeSeconds);
    ASSERT_TRUE(succeeded(result));
    double least = INFINITY;
    for (auto [rows, error] :
         {std::pair(1.0, 0.0), {0.75, kQuarterError}, {0.5, kHalfError}})
      least = std::min(least, error + best(
                                          [&, rows = rows](const State &s) {
                                            return secondsOf(s) * rows <=
                                                   0.96 * share * kWholeSeconds;
                                          },
                                          divergenceOf));
    EXPECT_LE(result->found.divergence, 1.3 * least) << share;
    EXPECT_EQ(share < 0.5,
              StringRef(result->recipe).contains("winnow-prune-tokens"))
        << result->recipe;
  }
}

/// The least divergence of plans of all layers and the wide one that `fits`.
double
bestWide(llvm::function_ref<bool(const State &, const Wide &)> fits,
         llvm::function_ref<double(llvm::function_ref<bool(const State &)>)>
             bestOfOthers) {
  double least = INFINITY;
  for (unsigned up = 0; up < 4; ++up)
    for (unsigned down = 0; down < 4; ++down)
      for (double share : {1.0, 0.9, 0.75}) {
        Wide wide = {up, down, share};
        least = std::min(least, wide.divergence() +
                                    bestOfOthers([&](const State &state) {
                                      return fits(state, wide);
                                    }));
      }
  return least;
}

TEST_F(BudgetSearchTest, LeavesChannelsOut) {
  parse(Extra::Mlp);
  auto bestOfOthers = [](llvm::function_ref<bool(const State &)> fits) {
    return best(fits, divergenceOf);
  };
  uint64_t whole = kWhole + Wide().bytes();
  bool narrows = false;
  for (int percent : {60, 25, 20}) {
    std::string budget = llvm::formatv("size={0}%", percent).str();
    FailureOr<SearchResult> result = search(budget);
    ASSERT_TRUE(succeeded(result)) << message;
    EXPECT_EQ(whole, result->before.bytes);
    uint64_t allowed = whole * percent / 100;
    EXPECT_LE(result->found.bytes, allowed);
    double least = bestWide(
        [&](const State &state, const Wide &wide) {
          return bytesOf(state) + wide.bytes() <= allowed;
        },
        bestOfOthers);
    EXPECT_LE(result->found.divergence, 1.3 * least) << budget;
    narrows |= StringRef(result->recipe).contains("winnow-sparsify{keep=0.");
  }
  EXPECT_TRUE(narrows);
  double wholeSeconds = kWholeSeconds + Wide().seconds();
  for (double share : {0.6, 0.35}) {
    FailureOr<SearchResult> result = searchTime(share, wholeSeconds);
    ASSERT_TRUE(succeeded(result));
    double least = bestWide(
        [&](const State &state, const Wide &wide) {
          return secondsOf(state) + wide.seconds() <=
                 0.96 * share * wholeSeconds;
        },
        bestOfOthers);
    EXPECT_LE(result->found.divergence, 1.3 * least) << share << result->recipe;
  }
}

TEST_F(BudgetSearchTest, KeepsSizeAndTime) {
  FailureOr<SearchResult> result = search("size=20%,time=0.45x");
  ASSERT_TRUE(succeeded(result)) << message;
  EXPECT_LE(result->found.bytes, kWhole / 5);
  EXPECT_LE(getSeconds(result->found.time), 0.45 * kWholeSeconds);
  double least = best(
      [&](const State &s) {
        return bytesOf(s) <= kWhole / 5 && secondsOf(s) <= 0.45 * kWholeSeconds;
      },
      divergenceOf);
  EXPECT_LE(result->found.divergence, 1.3 * least);
}

TEST_F(BudgetSearchTest, FindsTheSmallestWithinADivergence) {
  FailureOr<SearchResult> result = search("kl=0.05");
  ASSERT_TRUE(succeeded(result)) << message;
  EXPECT_LE(result->found.divergence, 0.05);
  double least =
      best([](const State &s) { return divergenceOf(s) <= 0.05; }, bytesOf);
  EXPECT_LE(double(result->found.bytes), 1.2 * least);
}

TEST_F(BudgetSearchTest, TellsWhatCannotBe) {
  EXPECT_TRUE(failed(search("size=1%")));
  EXPECT_TRUE(StringRef(message).starts_with("cannot keep the budget: formats "
                                             "and layers that may go leave at "
                                             "least "))
      << message;
  // Before the first run.
  EXPECT_EQ(1, evaluator.runs);
  EXPECT_TRUE(failed(search("time=0.01x")));
  EXPECT_TRUE(StringRef(message).starts_with(
      "cannot keep the budget: the nearest that was found has "))
      << message;
  EXPECT_TRUE(failed(search("size=16%,kl=0.00001")));
  EXPECT_TRUE(StringRef(message).starts_with(
      "cannot keep the budget: the least divergence that was found is "))
      << message;
  evaluator.runs = 0;
  evaluator.stopsAfter = 3;
  EXPECT_TRUE(failed(search("size=50%")));
  EXPECT_EQ("the search was stopped", message);
  EXPECT_EQ(4, evaluator.runs);
}

TEST_F(BudgetSearchTest, ExpectsTheTimesOfWhatPassesMake) {
  RunTime before = llvm::cantFail(evaluator.time(*module));
  for (const char *passes : {"winnow-quantize-weights{format=q4_0 only=a}",
                             "winnow-drop-layers{granularity=mlp layers=1,3}",
                             "winnow-drop-layers{granularity=mlp layers=2},"
                             "winnow-quantize-weights{format=q5_0 only=b|e},"
                             "winnow-quantize-weights{format=q8_0 only=d}"}) {
    OwningOpRef<ModuleOp> changed = module->clone();
    PassManager manager(&context);
    ASSERT_TRUE(succeeded(parsePassPipeline(passes, manager)));
    ASSERT_TRUE(succeeded(manager.run(*changed))) << message;
    auto expected =
        llvm::cantFail(expectSeconds(*module, before, *changed, evaluator));
    ASSERT_TRUE(expected && expected->size() == 1);
    EXPECT_NEAR(secondsOf(stateOf(*changed)), expected->front(), 1e-9)
        << passes;
    EXPECT_LT(expected->front(), kWholeSeconds);
  }
}

TEST_F(BudgetSearchTest, NeedsStatisticsAndServices) {
  EXPECT_TRUE(failed(searchUnderBudget(*module, {})));
  EXPECT_TRUE(StringRef(message).starts_with(
      "a budget needs texts to measure candidates on: "))
      << message;
  (*module)->removeAttr("winnow.statistics");
  EXPECT_TRUE(failed(search("size=50%")));
  EXPECT_TRUE(StringRef(message).starts_with("a budget needs statistics: "))
      << message;
}

} // namespace
