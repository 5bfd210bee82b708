//===- WeightEncoding.cpp - Matrices read in another format ---------------===//

#include "WeightEncoding.h"

#include "winnow/Analysis/OfflineWeight.h"

using namespace mlir;

namespace winnow {

/// What llama.cpp stores instead where a row is no multiple of 256 (function
/// llama_tensor_get_type).
static constexpr std::pair<StringLiteral, StringLiteral> kFallbacks[] = {
    {"q2_k", "iq4_nl"}, {"q3_k", "iq4_nl"}, {"iq4_xs", "iq4_nl"},
    {"q4_k", "q5_0"},   {"q5_k", "q5_1"},   {"q6_k", "q8_0"},
};

const NumberFormat *findFittingFormat(const NumberFormat *format,
                                      int64_t width) {
  if (width % format->blockElements == 0)
    return format;
  for (auto [name, other] : kFallbacks)
    if (name == format->name && width % lookupFormat(other)->blockElements == 0)
      return lookupFormat(other);
  return nullptr;
}

const NumberFormat *formatOf(Type type) {
  EncodingAttr encoding = getEncoding(type);
  return lookupFormat(encoding ? encoding.getFormat() : StringRef("f32"));
}

std::vector<MatrixParam> MatrixParam::collect(ModuleOp module) {
  llvm::StringMap<SmallVector<ParamRefOp>> uses;
  module.walk([&](ParamRefOp use) { uses[use.getParam()].push_back(use); });
  std::vector<MatrixParam> params;
  for (ParamOp param : module.getOps<ParamOp>()) {
    MatrixParam &added = params.emplace_back();
    added.param = param;
    added.uses = uses[param.getSymName()];
    for (ParamRefOp use : added.uses)
      forEachOfflineRead(use, [&](OpOperand &operand) {
        if (isMatrixRead(operand))
          added.reads.push_back(&operand);
      });
  }
  return params;
}

bool MatrixParam::isMultiplied() const {
  return llvm::any_of(
      reads, [](OpOperand *read) { return isa<LinearOp>(read->getOwner()); });
}

bool MatrixParam::isTable() const {
  return llvm::any_of(
      reads, [](OpOperand *read) { return !isa<LinearOp>(read->getOwner()); });
}

SmallVector<StringRef> MatrixParam::getNames() const {
  ParamOp named = param;
  SmallVector<StringRef> names = {named.getSymName()};
  for (ParamRefOp use : uses)
    if (auto layer = use->getParentOfType<LayerOp>())
      if (auto name = dyn_cast<NameLoc>(layer.getLoc()))
        names.push_back(name.getName());
  return names;
}

Value MatrixParam::getRead() const { return reads.front()->get(); }

Value MatrixParam::getOriginal() const {
  Value read = getRead();
  auto recode = read.getDefiningOp<RecodeOp>();
  return recode ? recode.getInput() : read;
}

void MatrixParam::decode() {
  for (OpOperand *read : reads) {
    auto recode = read->get().getDefiningOp<RecodeOp>();
    if (!recode)
      continue;
    read->set(recode.getInput());
    if (recode.use_empty())
      recode.erase();
  }
}

void MatrixParam::encode(const NumberFormat &format, CodesAttr codes) {
  MLIRContext *context = param.getContext();
  EncodingAttr encoding;
  if (format.name != "f32")
    encoding = EncodingAttr::get(context, format.name, "rows");
  auto type =
      withEncoding(cast<RankedTensorType>(getRead().getType()), encoding);
  llvm::DenseMap<Value, Value> encoded;
  for (OpOperand *read : reads) {
    Value &result = encoded[read->get()];
    if (!result) {
      OpBuilder builder(context);
      builder.setInsertionPointAfterValue(read->get());
      result = RecodeOp::create(builder, read->get().getLoc(), type,
                                read->get(), codes);
    }
    read->set(result);
  }
}

} // namespace winnow
