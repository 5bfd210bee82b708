//===- AssignLayouts.cpp - Give each weight its kernels' layout -----------===//

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Analysis/ParamSource.h"
#include "winnow/Conversion/Passes.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace winnow {
#define GEN_PASS_DEF_WINNOWASSIGNLAYOUTS
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace winnow;

/// Whether this operand is a table of which rows are taken: float rows as they
/// are in the file are the fastest, where no linear layer needs another layout.
static bool isTableUse(OpOperand &operand) {
  auto embed = dyn_cast<EmbedOp>(operand.getOwner());
  return embed && operand.get() == embed.getTable();
}

namespace {

/// What the kernels read of a param.
struct Layout {
  RankedTensorType type;
  /// The `codes` of the recodes that are left to the writer of the weights, or
  /// null.
  CodesAttr codes;
  /// The rows and columns that are left and the steps on them that are left to
  /// it, or null.
  DenseI64ArrayAttr rows, columns;
  ArrayAttr steps;
  /// Whether it gives codes.
  bool recoded = false;
};

struct AssignLayouts
    : public winnow::impl::WinnowAssignLayoutsBase<AssignLayouts> {
  void runOnOperation() override;

private:
  FailureOr<Layout> layOut(ParamOp param, ArrayRef<ParamRefOp> uses);
};

} // namespace

FailureOr<Layout> AssignLayouts::layOut(ParamOp param,
                                        ArrayRef<ParamRefOp> uses) {
  auto type = cast<RankedTensorType>(param.getType());
  RankedTensorType read;
  Layout layout;
  layout.type = withEncoding(type, nullptr);
  bool tiled = false, plain = false, agree = true, sameSteps = true;
  bool first = true;
  auto visit = [&](OpOperand &operand) {
    OfflineWeight weight = *matchOfflineWeight(operand.get());
    ArrayAttr stepsHere = toAttribute(&getContext(), weight.steps);
    sameSteps &=
        first || (stepsHere == layout.steps && weight.rows == layout.rows &&
                  weight.columns == layout.columns);
    layout.steps = stepsHere;
    layout.rows = weight.rows;
    layout.columns = weight.columns;
    layout.type =
        withEncoding(cast<RankedTensorType>(operand.get().getType()), nullptr);
    first = false;
    if (!isMatrixRead(operand)) {
      plain = true;
      return;
    }
    auto here = cast<RankedTensorType>(operand.get().getType());
    // Plain tables are tiled only for the sake of other readers.
    tiled |= !isTableUse(operand) || getEncoding(here);
    RecodeOp encode = weight.encode;
    CodesAttr codesHere = encode ? encode.getCodesAttr() : CodesAttr();
    agree &= !read || (read == here && layout.codes == codesHere);
    read = here;
    layout.codes = codesHere;
    layout.recoded = static_cast<bool>(encode);
  };
  for (ParamRefOp use : uses)
    forEachOfflineRead(use, visit);
  if (!sameSteps)
    return param.emitOpError("is read with different arithmetic on it, which "
                             "cannot be left to the writer of the weights");
  if (!tiled) {
    numDecoded += bool(getEncoding(type));
    return layout;
  }
  if (plain)
    param.emitOpError("is read both as a matrix of a linear layer and as a "
                      "plain tensor");
  else if (!agree)
    param.emitOpError("is read in two number formats, or with two kinds of "
                      "codes");
  if (plain || !agree)
    return failure();
  ++numTiled;
  EncodingAttr encoding = getEncoding(read);
  auto tiled16 = EncodingAttr::get(
      &getContext(), encoding ? encoding.getFormat() : "f32", "tile16");
  layout.type = withEncoding(layout.type, tiled16);
  return layout;
}

/// Numbers in the IR are taken here, so that param and source fit together.
static void takeValues(ParamOp param, Layout &layout) {
  auto values =
      dyn_cast_or_null<DenseElementsAttr>(param.getSource().get(kValuesSource));
  if (!values || (!layout.rows && !layout.columns))
    return;
  int64_t width = values.getType().getShape().back();
  int64_t height = width ? values.getNumElements() / width : 0;
  auto all = values.getValues<float>();
  SmallVector<float> left;
  for (int64_t i = 0, e = layout.rows ? layout.rows.size() : height; i < e; ++i)
    for (int64_t j = 0, f = layout.columns ? layout.columns.size() : width;
         j < f; ++j)
      left.push_back(all[(layout.rows ? layout.rows[i] : i) * width +
                         (layout.columns ? layout.columns[j] : j)]);
  auto type = withEncoding(layout.type, nullptr);
  Builder builder(param.getContext());
  param.setSourceAttr(builder.getDictionaryAttr(builder.getNamedAttr(
      kValuesSource, DenseElementsAttr::get(type, ArrayRef<float>(left)))));
  param.setTypeAttr(TypeAttr::get(type));
  layout.rows = layout.columns = nullptr;
}

/// Erases ops that nothing reads, and what only they needed.
static void eraseDead(SetVector<Operation *> ops) {
  while (!ops.empty()) {
    Operation *op = ops.pop_back_val();
    if (isa<ParamRefOp>(op) || !isOpTriviallyDead(op))
      continue;
    for (Value operand : op->getOperands())
      if (Operation *needed = operand.getDefiningOp())
        ops.insert(needed);
    op->erase();
  }
}

void AssignLayouts::runOnOperation() {
  ModuleOp module = getOperation();
  llvm::MapVector<StringRef, SmallVector<ParamRefOp>> uses;
  module.walk([&](ParamRefOp use) { uses[use.getParam()].push_back(use); });
  for (ParamOp param : llvm::make_early_inc_range(module.getOps<ParamOp>())) {
    auto *it = uses.find(param.getSymName());
    if (it == uses.end()) {
      param.erase();
      ++numUnused;
      continue;
    }
    FailureOr<Layout> layout = layOut(param, it->second);
    if (failed(layout))
      return signalPassFailure();
    takeValues(param, *layout);
    // The writer of the weights has to know how the source is stored.
    param->setAttr(kStoredTypeAttr, TypeAttr::get(param.getType()));
    param.setTypeAttr(TypeAttr::get(layout->type));
    std::pair<StringLiteral, Attribute> left[] = {
        {kCodesAttr, layout->codes},
        {kStepsAttr, layout->steps},
        {kRowsAttr, layout->rows},
        {kColumnsAttr, layout->columns},
    };
    for (auto [name, value] : left)
      if (value)
        param->setAttr(name, value);
    // Else it shows in the formats.
    if (layout->recoded && layout->columns)
      param->setAttr(kRecodedAttr, UnitAttr::get(&getContext()));
    for (ParamRefOp use : it->second) {
      // What is done to a weight has become the weight itself.
      SetVector<Operation *> replaced;
      forEachOfflineRead(use, [&](OpOperand &operand) {
        replaced.insert(operand.get().getDefiningOp());
        operand.set(use.getOutput());
      });
      eraseDead(std::move(replaced));
      use.getOutput().setType(layout->type);
    }
  }
}
