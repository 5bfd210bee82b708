//===- Sparsify.cpp - Leave out channels and heads ------------------------===//

#include "Budgets.h"
#include "ChannelGroups.h"
#include "ChannelSlicer.h"

#include "../NamePattern.h"

#include "winnow/Analysis/Layers.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Compress/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <numeric>

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWSPARSIFY
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

/// Kernels like widths that are multiples of this.
static constexpr int64_t kWidth = 32;

namespace {

/// A group of channels that some may be left of.
struct Candidate {
  ChannelGroup group;
  /// Units that stay or go together.
  int64_t together = 1;
  /// What the number of such bundles that are left is a multiple of.
  int64_t multiple = 1;
  /// Of each bundle.
  std::vector<double> scores;
  /// Of the block that the layer is in.
  double angle = 0;

  int64_t getBundles() const { return group.first().units / together; }
  StringRef getName() const { return getLayerName(group.first().layer); }
};

struct Sparsify : public winnow::impl::WinnowSparsifyBase<Sparsify> {
  using WinnowSparsifyBase::WinnowSparsifyBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  LogicalResult collect();
  LogicalResult score(Candidate &candidate, const Statistics &statistics);
  FailureOr<std::vector<int64_t>> allot();
  LogicalResult slice(Candidate &candidate, int64_t bundles);
  StringRef getUnits() const {
    return kind == ChannelKind::Mlp ? "channels" : "groups of heads";
  }

  ChannelKind kind = ChannelKind::Mlp;
  std::vector<Candidate> candidates;
};

} // namespace

LogicalResult Sparsify::verifyOptions() {
  Location location = getOperation().getLoc();
  if (method != "cfsp")
    return emitError(location)
           << "expects 'method' of winnow-sparsify to be cfsp; found '"
           << method << "'";
  if (target != "mlp" && target != "heads")
    return emitError(location)
           << "expects 'target' of winnow-sparsify to be mlp or heads; found '"
           << target << "'";
  kind = target == "mlp" ? ChannelKind::Mlp : ChannelKind::Heads;
  if (!(keep > 0 && keep <= 1))
    return emitError(location)
           << "expects 'keep' of winnow-sparsify in (0, 1]; found "
           << formatv("{0}", keep.getValue()).str();
  if (!(strength >= 0 && strength <= 1000))
    return emitError(location)
           << "expects 'strength' of winnow-sparsify in [0, 1000]; found "
           << formatv("{0}", strength.getValue()).str();
  if (multiple < 0)
    return emitError(location) << "expects 'multiple' of winnow-sparsify to be "
                                  "at least 0; found "
                               << multiple.getValue();
  if (align != "none" && align != "block")
    return emitError(location) << "expects 'align' of winnow-sparsify to be "
                                  "none or block; found '"
                               << align << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// What there is
//===----------------------------------------------------------------------===//

/// How many units stay or go together, and of how many bundles the number that
/// is left is a multiple.
static void setGrains(Candidate &candidate, ChannelKind kind, bool alignBlocks,
                      int64_t multiple) {
  const ChannelSite &site = candidate.group.first();
  // Channels of a block of codes, in all that read them.
  int64_t block = 1;
  for (const ChannelSite::Axis &axis : site.weights)
    if (axis.axis == 1)
      block =
          std::lcm<int64_t>(block, getReadFormat(*axis.weight).blockElements);
  if (alignBlocks)
    candidate.together = block / std::gcd(block, site.channels);
  if (multiple == 0)
    multiple = std::lcm(block, kind == ChannelKind::Mlp ? kWidth : 1);
  int64_t bundle = site.channels * candidate.together;
  candidate.multiple = multiple / std::gcd(multiple, bundle);
}

LogicalResult Sparsify::collect() {
  ModuleOp module = getOperation();
  NamePattern onlyNames(only), skipNames(skip);
  if (failed(onlyNames.verify(module.getLoc(), "only")) ||
      failed(skipNames.verify(module.getLoc(), "skip")))
    return failure();
  std::vector<ChannelGroup> groups = findChannelGroups(module, kind);
  if (groups.empty())
    return emitError(module.getLoc())
           << "has no " << (kind == ChannelKind::Mlp ? "MLPs" : "attention")
           << " that winnow-sparsify could make narrower";
  bool isNamed = false;
  std::string obstacle;
  for (ChannelGroup &group : groups) {
    ++numSeen;
    LayerOp layer = group.first().layer;
    StringRef name = getLayerName(layer);
    if (!onlyNames.matches({name}, true) || skipNames.matches({name}, false))
      continue;
    isNamed = true;
    std::string why = group.obstacle;
    if (why.empty() && group.first().units == 1)
      why = "all its heads share their keys";
    if (!why.empty()) {
      obstacle = obstacle.empty() ? why : obstacle;
      remark::missed(layer.getLoc(),
                     remark::RemarkOpts::name(name).category("sparsify"))
          << ("stays as it is: " + why);
      continue;
    }
    Candidate &added = candidates.emplace_back();
    added.group = std::move(group);
    setGrains(added, kind, align == "block", multiple);
  }
  if (!isNamed)
    return emitError(module.getLoc())
           << "has no layer whose name matches 'only' and 'skip' of "
              "winnow-sparsify";
  if (candidates.empty())
    return emitError(module.getLoc())
           << "has no layer that winnow-sparsify could make narrower: "
           << obstacle;
  return success();
}

//===----------------------------------------------------------------------===//
// How much it is worth
//===----------------------------------------------------------------------===//

/// The name that statistics of a layer's block have.
static std::string getBlockName(LayerOp layer) {
  auto function = layer->getParentOfType<func::FuncOp>();
  for (const LayerGroup &block : groupLayers(function, Granularity::Block))
    if (llvm::is_contained(block, layer))
      return getGroupName(block);
  return "";
}

LogicalResult Sparsify::score(Candidate &candidate,
                              const Statistics &statistics) {
  const ChannelSite &site = candidate.group.first();
  LayerOp layer = site.layer;
  StringRef tap = candidate.group.getReaderNames().front();
  int64_t width = site.units * site.channels;
  std::optional<ArrayRef<float>> rms = statistics.lookup("channels.rms", tap);
  auto needs = [&](const std::string &key) {
    return layer.emitOpError("needs the statistics '")
           << key
           << "' for winnow-sparsify: --statistics=FILE, written by "
              "winnow-compile --calibrate";
  };
  if (!rms || static_cast<int64_t>(rms->size()) != width)
    return needs(getStatisticKey("channels.rms", tap));
  candidate.scores.assign(candidate.getBundles(), 0);
  int64_t bundle = width / candidate.getBundles();
  for (auto [channel, root] : llvm::enumerate(*rms))
    candidate.scores[channel / bundle] += root;
  std::string block = getBlockName(layer);
  std::optional<double> angle =
      statistics.lookupNumber("similarity.angle", block);
  if (!angle)
    return needs(getStatisticKey("similarity.angle", block));
  candidate.angle = *angle;
  return success();
}

/// How many bundles of each candidate are left.
FailureOr<std::vector<int64_t>> Sparsify::allot() {
  std::vector<double> angles;
  std::vector<int64_t> sizes, multiples;
  int64_t least = 0, total = 0;
  for (const Candidate &candidate : candidates) {
    angles.push_back(candidate.angle);
    sizes.push_back(candidate.getBundles());
    multiples.push_back(candidate.multiple);
    least += std::min(candidate.multiple, candidate.getBundles());
    total += candidate.getBundles();
  }
  if (keep * double(total) < double(least) / 2)
    return emitError(getOperation().getLoc())
           << "'keep' of winnow-sparsify, "
           << formatv("{0}", keep.getValue()).str()
           << ", is less than can be left: "
           << formatv("{0:f4}", double(least) / double(total)).str()
           << " if each layer keeps the least number of " << getUnits();
  return roundShares(cfspShares(angles, sizes, keep, strength), sizes,
                     multiples);
}

//===----------------------------------------------------------------------===//
// Taking them out
//===----------------------------------------------------------------------===//

/// The bundles of the highest scores, of equals the first ones, as units.
static SmallVector<int64_t> chooseUnits(const Candidate &candidate,
                                        int64_t bundles) {
  SmallVector<int64_t> order =
      llvm::to_vector(llvm::seq(candidate.getBundles()));
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return std::pair(-candidate.scores[a], a) <
           std::pair(-candidate.scores[b], b);
  });
  order.truncate(bundles);
  llvm::sort(order);
  return getPlaces(order, candidate.together);
}

LogicalResult Sparsify::slice(Candidate &candidate, int64_t bundles) {
  ChannelGroup &group = candidate.group;
  LayerOp layer = group.first().layer;
  int64_t units = group.first().units;
  SmallVector<int64_t> kept = chooseUnits(candidate, bundles);
  auto options =
      remark::RemarkOpts::name(candidate.getName()).category("sparsify");
  if (static_cast<int64_t>(kept.size()) == units) {
    remark::missed(layer.getLoc(), options)
        << formatv("keeps all {0} {1}", units, getUnits()).str();
    return success();
  }
  std::string rounding;
  for (const ChannelSite::Axis &axis : group.first().weights) {
    if (axis.axis != 1)
      continue;
    auto type = cast<RankedTensorType>(axis.weight->get().getType());
    SmallVector<int64_t> columns = getPlaces(kept, axis.perUnit);
    ColumnFormat left = getColumnFormat(*axis.weight, columns);
    const NumberFormat &present = getReadFormat(*axis.weight);
    if (!left.format)
      return layer.emitOpError("cannot lose columns of a weight in ")
             << present.name << ", of which " << columns.size() << " of "
             << type.getDimSize(1)
             << " would be left: no format for them can be encoded into. "
                "'align=block' of winnow-sparsify keeps blocks whole";
    if (left.rounded || left.format != &present)
      rounding += formatv("; {0} in {1} {2} in {3}",
                          left.rounded ? "columns of a weight" : "a weight",
                          present.name,
                          left.rounded ? "are rounded again," : "becomes one",
                          left.format->name)
                      .str();
  }
  double total = 0, left = 0;
  for (double score : candidate.scores)
    total += score;
  for (int64_t unit : kept)
    left += candidate.scores[unit / candidate.together] /
            static_cast<double>(candidate.together);
  int64_t before = getStoredBytes(group);
  sliceChannels(group, kept);
  ++numSliced;
  remark::passed(layer.getLoc(), options)
      << formatv("keeps {0} of {1} {2} and {3:f4} of their score; {4} bytes "
                 "of weights become {5}{6}",
                 kept.size(), units, getUnits(), total > 0 ? left / total : 1,
                 before, getStoredBytes(group), rounding)
             .str();
  return success();
}

void Sparsify::runOnOperation() {
  if (failed(verifyOptions()))
    return signalPassFailure();
  if (keep == 1)
    return markAllAnalysesPreserved();
  candidates.clear();
  Statistics statistics(getOperation());
  if (!statistics.exist()) {
    emitError(getOperation().getLoc())
        << "winnow-sparsify needs statistics: --statistics=FILE, written by "
           "winnow-compile --calibrate";
    return signalPassFailure();
  }
  if (failed(collect()))
    return signalPassFailure();
  for (Candidate &candidate : candidates)
    if (failed(score(candidate, statistics)))
      return signalPassFailure();
  FailureOr<std::vector<int64_t>> counts = allot();
  if (failed(counts))
    return signalPassFailure();
  for (auto [candidate, bundles] : llvm::zip_equal(candidates, *counts))
    if (failed(slice(candidate, bundles)))
      return signalPassFailure();
}
