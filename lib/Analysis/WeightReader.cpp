//===- WeightReader.cpp - The numbers of weights, for passes --------------===//

#include "winnow/Analysis/WeightReader.h"

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Analysis/ParamSource.h"
#include "winnow/Formats/Decode.h"

#include "mlir/IR/SymbolTable.h"

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

FailureOr<std::vector<float>> readWeight(Value weight) {
  std::optional<OfflineWeight> found = matchOfflineWeight(weight);
  if (!found || found->encode)
    return emitError(weight.getLoc(), "expects a weight that is not encoded "
                                      "after it was read");
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
  OfflineArithmetic arithmetic(found->steps);
  int64_t width = type.getShape().back();
  for (int64_t row = 0; row * width < type.getNumElements(); ++row)
    arithmetic.apply(row, MutableArrayRef(numbers).slice(row * width, width));
  return numbers;
}

} // namespace winnow
