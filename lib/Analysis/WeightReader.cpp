//===- WeightReader.cpp - The numbers of weights, for passes --------------===//

#include "winnow/Analysis/WeightReader.h"

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Analysis/ParamSource.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Formats/CodeMethod.h"

#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace winnow {

static FailureOr<std::vector<uint8_t>> readStored(ParamOp param) {
  if (!param.getSource().contains(kFileSource))
    return materializeParam(param);
  const auto *files = param->getDialect()->getRegisteredInterface<ParamFiles>();
  if (!files)
    return param.emitOpError("is a tensor of a checkpoint, which only "
                             "winnow-compile and the libraries have");
  llvm::Expected<std::vector<uint8_t>> bytes = files->read(param);
  if (!bytes)
    return param.emitOpError(llvm::toString(bytes.takeError()));
  return std::move(*bytes);
}

llvm::Expected<std::vector<uint8_t>> encodeWeight(RecodeOp recode,
                                                  ArrayRef<float> numbers) {
  auto type = cast<RankedTensorType>(recode.getType());
  const NumberFormat &format = *lookupFormat(getEncoding(type).getFormat());
  int64_t width = type.getShape().back();
  int64_t rows = width ? static_cast<int64_t>(numbers.size()) / width : 0;
  llvm::Expected<uint64_t> size = format.bytesOf(rows, width);
  if (!size)
    return size.takeError();
  std::vector<uint8_t> bytes(*size);
  std::optional<std::vector<float>> statistic;
  std::unique_ptr<CodeFitter> fitter;
  if (CodesAttr codes = recode.getCodesAttr()) {
    const CodeMethod &method = *lookupCodeMethod(codes.getMethod());
    Statistics statistics(recode->getParentOfType<ModuleOp>());
    statistic = statistics.evaluate(method.statistic, codes.getTap(), width);
    if (!statistic)
      return llvm::createStringError(
          "expects the statistics '" +
          getStatisticKey(method.statistic, codes.getTap()) +
          "' of its width in the module");
    if (llvm::Error error = method.create(*statistic, width).moveInto(fitter))
      return std::move(error);
  }
  BlockEncoder encoder(format);
  BlockDecoder decoder(format);
  std::vector<std::string> errors(rows);
  mlir::parallelFor(recode.getContext(), 0, rows, [&](size_t row) {
    ArrayRef<float> in = numbers.slice(row * width, width);
    auto out = MutableArrayRef(bytes).slice(bytes.size() / rows * row,
                                            bytes.size() / rows);
    llvm::Error error = fitter ? fitter->encode(encoder, decoder, in, out)
                               : encode(format, in, out);
    if (error)
      errors[row] = llvm::toString(std::move(error));
  });
  for (auto [row, error] : llvm::enumerate(errors))
    if (!error.empty())
      return llvm::createStringError("row " + llvm::Twine(row) + ", " + error);
  return bytes;
}

/// Leaves the rows and columns that are left of rows of `width` numbers.
static void takeFromRows(std::vector<float> &numbers, int64_t width,
                         const OfflineWeight &weight) {
  if (weight.rows) {
    std::vector<float> left;
    for (int64_t row : weight.rows.asArrayRef())
      llvm::append_range(left, ArrayRef(numbers).slice(row * width, width));
    numbers = std::move(left);
  }
  if (weight.columns)
    takeColumns(numbers, width, weight.columns.asArrayRef());
}

FailureOr<std::vector<float>> readWeight(Value weight) {
  std::optional<OfflineWeight> found = matchOfflineWeight(weight);
  if (!found)
    return emitError(weight.getLoc(), "expects a weight that a param and "
                                      "constants make");
  auto param = SymbolTable::lookupNearestSymbolFrom<ParamOp>(
      found->use, found->use.getParamAttr());
  FailureOr<std::vector<uint8_t>> bytes = readStored(param);
  if (failed(bytes))
    return failure();
  auto type = cast<RankedTensorType>(param.getType());
  EncodingAttr encoding = getEncoding(type);
  std::vector<float> numbers(type.getNumElements());
  if (llvm::Error error =
          decode(*lookupFormat(encoding ? encoding.getFormat() : "f32"), *bytes,
                 numbers))
    return param.emitOpError(llvm::toString(std::move(error)));
  takeFromRows(numbers, type.getShape().back(), *found);
  OfflineArithmetic arithmetic(found->steps);
  int64_t width = cast<RankedTensorType>(weight.getType()).getShape().back();
  arithmetic.apply(0, width, numbers);
  if (!found->encode)
    return numbers;
  llvm::Expected<std::vector<uint8_t>> codes =
      encodeWeight(found->encode, numbers);
  if (!codes)
    return param.emitOpError(llvm::toString(codes.takeError()));
  const NumberFormat &format =
      *lookupFormat(getEncoding(weight.getType()).getFormat());
  if (llvm::Error error = decode(format, *codes, numbers))
    return param.emitOpError(llvm::toString(std::move(error)));
  return numbers;
}

} // namespace winnow
