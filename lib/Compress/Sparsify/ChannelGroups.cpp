//===- ChannelGroups.cpp - Channels that go together ----------------------===//

#include "ChannelGroups.h"

#include "winnow/Analysis/OfflineWeight.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace winnow;

namespace {

/// Follows channels from a value to all that makes them and all that reads
/// them. The first obstacle ends it.
class SiteBuilder {
public:
  explicit SiteBuilder(ChannelSite &site) : site(site) {}

  /// The channels of the last dimension of [T, channels].
  bool addChannels(Value value, int64_t perUnit);
  /// What attention reads: heads of [T, heads, channels], from the linear layer
  /// that makes them to `reader`.
  bool addHeads(Value value, int64_t perUnit, Operation *reader);
  bool addAttention(AttentionOp attention);

private:
  bool fail(const Twine &why) {
    site.obstacle = why.str();
    return false;
  }
  bool addWeight(OpOperand &operand, unsigned axis, int64_t perUnit);
  bool addProducer(Value value, int64_t perUnit);
  bool addReader(OpOperand &use, int64_t perUnit);
  bool addCache(AttentionOp attention, KvViewOp view);

  ChannelSite &site;
  llvm::SmallPtrSet<Value, 16> seen;
  /// Ops that lie between parts of the group.
  llvm::SmallPtrSet<Operation *, 8> inner;
};

} // namespace

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Whether an op only asks for the number of tokens.
static bool asksForTokens(Operation *op) {
  auto dim = dyn_cast<tensor::DimOp>(op);
  return dim && dim.getConstantIndex() == 0;
}

//===----------------------------------------------------------------------===//
// Channels
//===----------------------------------------------------------------------===//

bool SiteBuilder::addWeight(OpOperand &operand, unsigned axis,
                            int64_t perUnit) {
  if (!matchOfflineWeight(operand.get()))
    return fail("a weight that takes part is no param");
  site.weights.push_back({&operand, axis, perUnit});
  return true;
}

/// What makes the channels of a value.
bool SiteBuilder::addProducer(Value value, int64_t perUnit) {
  Operation *op = value.getDefiningOp();
  if (op && inner.contains(op))
    return true;
  if (auto linear = dyn_cast_or_null<LinearOp>(op)) {
    MutableOperandRange bias = linear.getBiasMutable();
    return addWeight(linear.getWeightMutable(), 0, perUnit) &&
           (bias.empty() || addWeight(bias[0], 0, perUnit));
  }
  auto map = dyn_cast_or_null<linalg::MapOp>(op);
  if (!map || !map.getInit().getDefiningOp<tensor::EmptyOp>() ||
      !map.getInit().hasOneUse())
    return fail("its channels are not those of linear layers and elementwise "
                "ops");
  site.values.push_back({map.getInit(), 1, perUnit});
  return llvm::all_of(map.getInputs(),
                      [&](Value input) { return addChannels(input, perUnit); });
}

/// What reads the channels of a value.
bool SiteBuilder::addReader(OpOperand &use, int64_t perUnit) {
  Operation *op = use.getOwner();
  if (inner.contains(op) || asksForTokens(op) || isa<ObserveOp>(op))
    return true;
  if (auto linear = dyn_cast<LinearOp>(op);
      linear && use.getOperandNumber() == 0) {
    site.readers.push_back(linear);
    return addWeight(linear.getWeightMutable(), 1, perUnit);
  }
  auto map = dyn_cast<linalg::MapOp>(op);
  if (map && use.get() != map.getInit())
    return addChannels(map->getResult(0), perUnit);
  return fail("other ops than linear layers and elementwise ones read its "
              "channels");
}

bool SiteBuilder::addChannels(Value value, int64_t perUnit) {
  if (!seen.insert(value).second)
    return true;
  RankedTensorType type = typeOf(value);
  if (type.getRank() != 2 || getEncoding(type) ||
      type.getDimSize(1) != site.units * perUnit)
    return fail("its channels are not those of linear layers and elementwise "
                "ops");
  site.values.push_back({value, 1, perUnit});
  return addProducer(value, perUnit) &&
         llvm::all_of(value.getUses(),
                      [&](OpOperand &use) { return addReader(use, perUnit); });
}

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

bool SiteBuilder::addHeads(Value value, int64_t perUnit, Operation *reader) {
  site.values.push_back({value, 1, perUnit});
  for (Operation *user : value.getUsers())
    if (user != reader && !asksForTokens(user))
      return fail("others see its queries, keys or values");
  Operation *op = value.getDefiningOp();
  if (auto rope = dyn_cast_or_null<RopeOp>(op))
    return addHeads(rope.getInput(), perUnit, rope);
  if (auto norm = dyn_cast_or_null<NormOp>(op))
    return addHeads(norm.getInput(), perUnit, norm);
  auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(op);
  if (!expand || typeOf(expand.getSrc()).getRank() != 2)
    return fail("its queries, keys or values are not those of linear layers");
  inner.insert(expand);
  return addChannels(expand.getSrc(), perUnit * typeOf(value).getDimSize(2));
}

/// The cache between keys, values and the attention: nothing else may see it.
bool SiteBuilder::addCache(AttentionOp attention, KvViewOp view) {
  auto append = view.getCache().getDefiningOp<KvAppendOp>();
  auto before =
      append ? dyn_cast<BlockArgument>(append.getCache()) : BlockArgument();
  auto layer = dyn_cast<LayerOp>(attention->getParentOp());
  constexpr StringLiteral others = "others see its cache";
  if (!before || !layer || before.getOwner() != &layer.getBody().front() ||
      !before.hasOneUse())
    return fail(others);
  for (Value seenKeys : {view.getKey(), view.getValue()})
    for (Operation *user : seenKeys.getUsers())
      if (user != attention && !asksForTokens(user))
        return fail(others);
  site.caches = {before, append->getResult(0)};
  for (OpOperand &use : append->getResult(0).getUses()) {
    if (use.getOwner() == view)
      continue;
    if (!isa<YieldOp>(use.getOwner()))
      return fail(others);
    Value left = layer->getResult(use.getOperandNumber());
    site.caches.push_back(left);
    for (Operation *user : left.getUsers())
      if (!isa<func::ReturnOp>(user))
        return fail(others);
  }
  auto entry =
      dyn_cast<BlockArgument>(layer.getInputs()[before.getArgNumber()]);
  if (!entry || !entry.hasOneUse() ||
      !isa<func::FuncOp>(entry.getOwner()->getParentOp()))
    return fail(others);
  site.caches.push_back(entry);
  for (Value part : {view.getKey(), view.getValue()})
    site.values.push_back({part, 1, 1});
  return addHeads(append.getKey(), 1, append) &&
         addHeads(append.getValue(), 1, append);
}

bool SiteBuilder::addAttention(AttentionOp attention) {
  auto heads = typeOf(attention.getQuery()).getDimSize(1);
  site.units = typeOf(attention.getKey()).getDimSize(1);
  int64_t shared = heads / site.units;
  site.channels = shared * typeOf(attention.getValue()).getDimSize(2);
  if (attention.getLse() || attention.getScores())
    return fail("others see its scores");
  if (attention.getBias() && typeOf(attention.getBias()).getRank() == 3)
    return fail("it has a bias for each head");
  Value output = attention.getOutput();
  site.values.push_back({output, 1, shared});
  tensor::CollapseShapeOp joined;
  for (Operation *user : output.getUsers()) {
    if (asksForTokens(user))
      continue;
    auto collapse = dyn_cast<tensor::CollapseShapeOp>(user);
    if (!collapse || joined || collapse.getResultType().getRank() != 2)
      return fail("other ops than a linear layer read its heads");
    joined = collapse;
  }
  if (!joined)
    return fail("no linear layer reads its heads");
  inner.insert(joined);
  if (!attention.getSinksMutable().empty() &&
      !addWeight(attention.getSinksMutable()[0], 0, shared))
    return false;
  if (MutableOperandRange bias = attention.getRelativeBiasMutable();
      !bias.empty()) {
    if (matchOfflineWeight(bias[0].get())) {
      if (!addWeight(bias[0], 1, shared))
        return false;
    } else {
      auto layer = dyn_cast<LayerOp>(attention->getParentOp());
      auto argument = dyn_cast<BlockArgument>(bias[0].get());
      bool isInput =
          layer && argument && argument.getOwner() == &layer.getBody().front();
      std::optional<OfflineWeight> table;
      if (isInput)
        table = matchOfflineWeight(layer.getInputs()[argument.getArgNumber()]);
      if (!table || table->rows || table->columns || !table->steps.empty())
        return fail("a weight that takes part is no param");
      site.biased = attention;
    }
  }
  if (!addChannels(joined.getResult(), site.channels) ||
      !addHeads(attention.getQuery(), shared, attention))
    return false;
  if (auto view = attention.getKey().getDefiningOp<KvViewOp>())
    return attention.getValue().getDefiningOp() == view
               ? addCache(attention, view)
               : fail("others see its cache");
  return addHeads(attention.getKey(), 1, attention) &&
         addHeads(attention.getValue(), 1, attention);
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

/// The param that a weight is made from.
static StringRef getParamName(Value weight) {
  std::optional<OfflineWeight> found = matchOfflineWeight(weight);
  return found ? found->use.getParam() : StringRef();
}

SmallVector<StringRef> ChannelGroup::getReaderNames() const {
  SmallVector<StringRef> names;
  for (LinearOp reader : first().readers)
    names.push_back(getParamName(reader.getWeight()));
  return names;
}

/// The site that the input of a linear layer belongs to, if there may be one.
static std::optional<ChannelSite> findSite(LinearOp linear, ChannelKind kind) {
  ChannelSite site;
  site.layer = linear->getParentOfType<LayerOp>();
  Value input = linear.getInput();
  if (!site.layer)
    return std::nullopt;
  if (kind == ChannelKind::Mlp) {
    if (!input.getDefiningOp<linalg::MapOp>())
      return std::nullopt;
    site.units = typeOf(input).getDimSize(1);
    SiteBuilder(site).addChannels(input, 1);
  } else {
    auto collapse = input.getDefiningOp<tensor::CollapseShapeOp>();
    auto attention = collapse ? collapse.getSrc().getDefiningOp<AttentionOp>()
                              : AttentionOp();
    if (!attention)
      return std::nullopt;
    SiteBuilder(site).addAttention(attention);
  }
  // The first one names it.
  llvm::erase(site.readers, linear);
  site.readers.insert(site.readers.begin(), linear);
  return site;
}

/// Weights that others read as well would change for them, too.
static void checkReads(ModuleOp module, ChannelGroup &group) {
  llvm::SmallPtrSet<OpOperand *, 16> known;
  llvm::StringSet<> params;
  for (const ChannelSite &site : group.sites) {
    if (group.obstacle.empty())
      group.obstacle = site.obstacle;
    if (site.units != group.first().units)
      group.obstacle = "functions of the model read its weights differently";
    for (const ChannelSite::Axis &axis : site.weights) {
      known.insert(axis.weight);
      params.insert(getParamName(axis.weight->get()));
    }
  }
  module.walk([&](ParamRefOp use) {
    if (params.contains(use.getParam()))
      forEachOfflineRead(use, [&](OpOperand &read) {
        if (!known.contains(&read) && group.obstacle.empty())
          group.obstacle = (use.getParam() + " is read elsewhere, too").str();
      });
  });
}

std::vector<ChannelGroup> winnow::findChannelGroups(ModuleOp module,
                                                    ChannelKind kind) {
  llvm::MapVector<StringRef, ChannelGroup> groups;
  llvm::SmallPtrSet<Operation *, 32> seen;
  module.walk([&](LinearOp linear) {
    if (seen.contains(linear))
      return;
    std::optional<ChannelSite> site = findSite(linear, kind);
    if (!site)
      return;
    for (LinearOp reader : site->readers)
      seen.insert(reader);
    groups[getParamName(site->readers.front().getWeight())].sites.push_back(
        std::move(*site));
  });
  std::vector<ChannelGroup> result;
  for (auto &[name, group] : groups) {
    checkReads(module, group);
    result.push_back(std::move(group));
  }
  return result;
}
