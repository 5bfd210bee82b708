//===- QuantizeWeights.cpp - Store matrices in another number format ------===//
//
// The work itself, numbers of the checkpoint to codes, is done where weights
// are written (Emit), tensor by tensor. Here only the types change: a `recode`
// between the param and the ops that read it says what happens.
//
//===----------------------------------------------------------------------===//

#include "AwareScales.h"
#include "NamePattern.h"

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Compress/Passes.h"
#include "winnow/Formats/Encode.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWQUANTIZEWEIGHTS
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

/// What llama.cpp stores instead where a row is no multiple of 256 (function
/// llama_tensor_get_type).
static constexpr std::pair<StringLiteral, StringLiteral> kFallbacks[] = {
    {"q2_k", "iq4_nl"}, {"q3_k", "iq4_nl"}, {"iq4_xs", "iq4_nl"},
    {"q4_k", "q5_0"},   {"q5_k", "q5_1"},   {"q6_k", "q8_0"},
};

/// `format` if its block divides rows of `width` elements, or else what is used
/// in its place, or null.
static const NumberFormat *findFittingFormat(const NumberFormat *format,
                                             int64_t width) {
  if (width % format->blockElements == 0)
    return format;
  for (auto [name, other] : kFallbacks)
    if (name == format->name && width % lookupFormat(other)->blockElements == 0)
      return lookupFormat(other);
  return nullptr;
}

static StringRef formatOf(RankedTensorType type) {
  EncodingAttr encoding = getEncoding(type);
  return encoding ? encoding.getFormat() : StringRef("f32");
}

namespace {

/// A param that gets another format.
struct Choice {
  ParamOp param;
  SmallVector<OpOperand *> reads;
  RankedTensorType read; ///< what they read
  const NumberFormat *format;

  bool isMultiplied() const {
    return llvm::any_of(reads, [](OpOperand *operand) {
      return isa<LinearOp>(operand->getOwner());
    });
  }
};

struct QuantizeWeights
    : public winnow::impl::WinnowQuantizeWeightsBase<QuantizeWeights> {
  using WinnowQuantizeWeightsBase::WinnowQuantizeWeightsBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  FailureOr<SmallVector<Choice>> chooseAll();
  /// The format for `param`, read as `read`, or null where it stays as it is.
  const NumberFormat *choose(ParamOp param, RankedTensorType read);
  LogicalResult scale(ArrayRef<Choice> choices);
  LogicalResult encode(const Choice &choice);

  const NumberFormat *target = nullptr;
};

} // namespace

const NumberFormat *QuantizeWeights::choose(ParamOp param,
                                            RankedTensorType type) {
  auto options =
      remark::RemarkOpts::name(param.getSymName()).category("quantize-weights");
  const NumberFormat &source = *lookupFormat(formatOf(type));
  int64_t width = type.getShape().back();
  const NumberFormat *chosen = findFittingFormat(target, width);
  std::string misfit;
  if (chosen != target)
    misfit = formatv("rows of {0} elements are no multiple of the block of {1}",
                     width, target->name);
  if (!chosen) {
    ++numKept;
    remark::missed(param.getLoc(), options)
        << formatv("stays {0}: {1}", source.name, misfit).str();
    return nullptr;
  }
  if (chosen == &source) {
    ++numKept;
    remark::missed(param.getLoc(), options)
        << formatv("is {0} already", source.name).str();
    return nullptr;
  }
  numFallback += chosen != target;
  remark::passed(param.getLoc(), options)
      << formatv("{0} becomes {1}, {2} bits a weight become {3}{4}{5}",
                 source.name, chosen->name, source.bitsPerWeight(),
                 chosen->bitsPerWeight(), misfit.empty() ? "" : "; ", misfit)
             .str();
  return chosen;
}

/// The operands that read a param as a matrix, through whatever is done to it.
static SmallVector<OpOperand *> matrixReads(ArrayRef<ParamRefOp> uses) {
  SmallVector<OpOperand *> reads;
  for (ParamRefOp use : uses)
    forEachOfflineRead(use, [&](OpOperand &operand) {
      if (isMatrixRead(operand))
        reads.push_back(&operand);
    });
  return reads;
}

/// Takes back what an earlier pass of this kind did, so that numbers are
/// rounded once: ops read what was encoded.
static void dropRecodes(ArrayRef<OpOperand *> reads) {
  for (OpOperand *read : reads) {
    auto recode = read->get().getDefiningOp<RecodeOp>();
    if (!recode)
      continue;
    read->set(recode.getInput());
    if (recode.use_empty())
      recode.erase();
  }
}

/// Divides what the layers read, as AWQ does.
LogicalResult QuantizeWeights::scale(ArrayRef<Choice> choices) {
  llvm::DenseMap<OpOperand *, const NumberFormat *> formats;
  for (const Choice &choice : choices)
    for (OpOperand *read : choice.reads)
      if (!choice.format->isFloat())
        formats[read] = choice.format;
  return applyAwareScales(getOperation(), [&](LinearOp linear) {
    return formats.lookup(&linear.getWeightMutable());
  });
}

/// Puts a recode in front of the ops that read a param.
LogicalResult QuantizeWeights::encode(const Choice &choice) {
  ParamOp param = choice.param;
  StringAttr gptq, clip;
  if (method != "rtn" && !choice.format->isFloat() && choice.isMultiplied()) {
    Statistics statistics(getOperation());
    StringRef name = param.getSymName();
    bool hasGram =
        statistics.lookupGram(name, choice.read.getDimSize(1)).has_value();
    // The levels of AWQ need the matrix, its factors not.
    if (!hasGram &&
        (method == "gptq" || !statistics.lookup("channels.rms", name)))
      return param.emitOpError("needs the statistics '")
             << getStatisticKey("gram.mean", name)
             << "' of its width for 'method=" << method
             << "': --statistics=FILE, written by winnow-compile --calibrate "
                "--observe="
             << (method == "gptq" ? "gram" : "channels,gram");
    if (hasGram)
      (method == "gptq" ? gptq : clip) = param.getSymNameAttr();
  }
  EncodingAttr encoding;
  if (choice.format->name != "f32")
    encoding = EncodingAttr::get(&getContext(), choice.format->name, "rows");
  RankedTensorType type = withEncoding(choice.read, encoding);
  llvm::DenseMap<Value, Value> encoded;
  for (OpOperand *read : choice.reads) {
    Value &result = encoded[read->get()];
    if (!result) {
      OpBuilder builder(&getContext());
      builder.setInsertionPointAfterValue(read->get());
      result = RecodeOp::create(builder, read->get().getLoc(), type,
                                read->get(), gptq, clip);
    }
    read->set(result);
  }
  return success();
}

/// What `only` and `skip` look at: the names of a param and of the layers that
/// read it.
static SmallVector<StringRef> namesOf(ParamOp param,
                                      ArrayRef<ParamRefOp> readers) {
  SmallVector<StringRef> names = {param.getSymName()};
  for (ParamRefOp use : readers)
    if (auto layer = use->getParentOfType<LayerOp>())
      if (auto name = dyn_cast<NameLoc>(layer.getLoc()))
        names.push_back(name.getName());
  return names;
}

LogicalResult QuantizeWeights::verifyOptions() {
  Location location = getOperation().getLoc();
  target = lookupFormat(format);
  if (!target || !canEncodeWeights(*target))
    return emitError(location) << "expects a format for weights: keep, "
                               << llvm::join(encodableFormats(), ", ")
                               << "; found '" << format << "'";
  if (method != "rtn" && method != "gptq" && method != "awq")
    return emitError(location) << "expects 'method' of winnow-quantize-weights "
                                  "to be rtn, gptq or awq; found '"
                               << method << "'";
  return success();
}

FailureOr<SmallVector<Choice>> QuantizeWeights::chooseAll() {
  Location location = getOperation().getLoc();
  NamePattern onlyNames(only), skipNames(skip);
  if (failed(onlyNames.verify(location, "only")) ||
      failed(skipNames.verify(location, "skip")))
    return failure();
  llvm::StringMap<SmallVector<ParamRefOp>> uses;
  getOperation().walk(
      [&](ParamRefOp use) { uses[use.getParam()].push_back(use); });
  bool isNamed = false;
  SmallVector<Choice> choices;
  for (ParamOp param : getOperation().getOps<ParamOp>()) {
    ArrayRef<ParamRefOp> readers = uses[param.getSymName()];
    SmallVector<StringRef> names = namesOf(param, readers);
    if (!onlyNames.matches(names, true))
      continue;
    isNamed = true;
    SmallVector<OpOperand *> reads = matrixReads(readers);
    if (reads.empty() || skipNames.matches(names, false))
      continue;
    dropRecodes(reads);
    ++numSeen;
    auto read = cast<RankedTensorType>(reads.front()->get().getType());
    if (const NumberFormat *chosen = choose(param, read))
      choices.push_back({param, reads, read, chosen});
  }
  if (!isNamed && !only.empty())
    return emitError(location)
           << "has no weight or layer whose name matches 'only' of "
              "winnow-quantize-weights, '"
           << only << "'";
  return choices;
}

void QuantizeWeights::runOnOperation() {
  if (format == "keep")
    return;
  if (failed(verifyOptions()))
    return signalPassFailure();
  FailureOr<SmallVector<Choice>> choices = chooseAll();
  if (failed(choices) || (method == "awq" && failed(scale(*choices))))
    return signalPassFailure();
  for (const Choice &choice : *choices) {
    ++numEncoded;
    if (failed(encode(choice)))
      return signalPassFailure();
  }
}
