//===- NeighbourAttention.cpp - Patches see those near them ---------------===//

#include "winnow/Analysis/Layers.h"
#include "winnow/Compress/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWNEIGHBOURATTENTION
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

namespace {

/// The patches of an image, and the tokens in front of them.
struct PatchGrid {
  int64_t rows = 0, columns = 0, inFront = 0;

  int64_t tokens() const { return inFront + rows * columns; }
};

struct NeighbourAttention
    : public winnow::impl::WinnowNeighbourAttentionBase<NeighbourAttention> {
  using WinnowNeighbourAttentionBase::WinnowNeighbourAttentionBase;

  void runOnOperation() override;

private:
  InFlightDiagnostic fail() { return emitError(getOperation().getLoc()); }
  LogicalResult change(func::FuncOp function, const PatchGrid &grid);
  LogicalResult change(LayerOp layer, const PatchGrid &grid);

  int64_t reach() const { return window / 2; }
};

} // namespace

/// The grid of a function whose rows are the patches of one image.
static std::optional<PatchGrid> findGrid(func::FuncOp function) {
  auto patches = function.getOps<ImagePatchesOp>();
  auto layers = function.getOps<LayerOp>();
  if (!llvm::hasSingleElement(patches) || layers.empty())
    return std::nullopt;
  ImagePatchesOp op = *patches.begin();
  LayerOp first = *layers.begin();
  auto image = cast<RankedTensorType>(op.getInput().getType());
  auto rows = cast<RankedTensorType>(first.getResidual().getType());
  PatchGrid grid;
  grid.rows = image.getDimSize(1) / static_cast<int64_t>(op.getSize());
  grid.columns = image.getDimSize(2) / static_cast<int64_t>(op.getSize());
  grid.inFront = rows.getDimSize(0) - grid.rows * grid.columns;
  if (rows.isDynamicDim(0) || grid.inFront < 0)
    return std::nullopt;
  return grid;
}

/// Whether positions are 0, 1, ... of all tokens, or those of some that stayed.
static bool numberTokens(Value positions, const PatchGrid &grid) {
  while (auto gather = positions ? positions.getDefiningOp<TokenGatherOp>()
                                 : TokenGatherOp())
    positions = gather.getInput();
  DenseIntElementsAttr numbers;
  if (!positions || !matchPattern(positions, m_Constant(&numbers)) ||
      numbers.getNumElements() != grid.tokens())
    return false;
  return llvm::all_of(
      llvm::enumerate(numbers.getValues<APInt>()),
      [](const auto &number) { return number.value() == number.index(); });
}

LogicalResult NeighbourAttention::change(LayerOp layer, const PatchGrid &grid) {
  WalkResult result = layer.walk([&](AttentionOp attention) {
    for (Value positions :
         {attention.getQueryPositions(), attention.getKeyPositions()})
      if (attention.getMask().getKind() != MaskKind::Full ||
          !numberTokens(outside(layer, positions), grid)) {
        layer.emitOpError("has an attention that winnow-neighbour-attention "
                          "cannot change: it is not of all tokens of an image "
                          "on all, by their numbers");
        return WalkResult::interrupt();
      }
    attention.setMaskAttr(MaskAttr::get(&getContext(), MaskKind::Grid, reach(),
                                        grid.inFront,
                                        /*prefix=*/0, grid.columns));
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  ++numLayers;
  auto function = layer->getParentOfType<func::FuncOp>();
  remark::passed(layer.getLoc(), remark::RemarkOpts::name(getLayerName(layer))
                                     .category("neighbour-attention")
                                     .function(function.getName()))
      << formatv("each of {0} x {1} patches sees at most {2} x {2} of them; "
                 "what that does to results is not predicted",
                 grid.rows, grid.columns, window.getValue())
             .str();
  return success();
}

LogicalResult NeighbourAttention::change(func::FuncOp function,
                                         const PatchGrid &grid) {
  SmallVector<LayerGroup> groups =
      groupLayers(function, Granularity::Attention);
  SmallVector<int64_t> numbers(layers.begin(), layers.end());
  if (numbers.empty())
    numbers = llvm::to_vector(llvm::seq<int64_t>(0, groups.size()));
  for (int64_t number : numbers)
    if (number < 0 || number >= static_cast<int64_t>(groups.size()))
      return function.emitOpError("has ")
             << groups.size()
             << " attention layers, counted from 0; 'layers' of "
                "winnow-neighbour-attention names "
             << number;
  llvm::sort(numbers);
  numbers.erase(llvm::unique(numbers), numbers.end());
  for (int64_t number : numbers)
    for (LayerOp layer : groups[number])
      if (failed(change(layer, grid)))
        return failure();
  return success();
}

void NeighbourAttention::runOnOperation() {
  if (window < 0 || (window != 0 && (window < 3 || window % 2 == 0))) {
    fail() << "expects 'window' of winnow-neighbour-attention to be 0, or odd "
              "and at least 3; found "
           << window.getValue();
    return signalPassFailure();
  }
  if (window == 0)
    return markAllAnalysesPreserved();
  bool hasGrid = false;
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    std::optional<PatchGrid> grid = findGrid(function);
    if (!grid)
      continue;
    hasGrid = true;
    // Where each patch sees all, nothing changes.
    if (reach() >= std::max(grid->rows, grid->columns) - 1)
      continue;
    if (failed(change(function, *grid)))
      return signalPassFailure();
  }
  if (!hasGrid) {
    fail() << "has no layers over the patches of an image, which "
              "winnow-neighbour-attention takes for a grid";
    return signalPassFailure();
  }
}
