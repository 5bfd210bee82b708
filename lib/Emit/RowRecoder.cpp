//===- RowRecoder.cpp - Rows of a weight in another format ----------------===//

#include "RowRecoder.h"

#include "winnow/Formats/Gptq.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace llvm;
using namespace winnow;

double RecodingError::relative() const {
  return squaredNorm > 0 ? std::sqrt(squaredError / squaredNorm) : 0;
}

double RecodingError::relativeOutput() const {
  return squaredOutputNorm > 0
             ? std::sqrt(squaredOutputError / squaredOutputNorm)
             : 0;
}

void RecodingError::add(const RecodingError &other) {
  squaredError += other.squaredError;
  squaredNorm += other.squaredNorm;
  largest = std::max(largest, other.largest);
  squaredOutputError += other.squaredOutputError;
  squaredOutputNorm += other.squaredOutputNorm;
}

RowRecoder::RowRecoder(const NumberFormat &from, const NumberFormat &to,
                       int64_t rows, int64_t width,
                       std::vector<int64_t> columns, RecodingMethod method,
                       OfflineArithmetic arithmetic)
    : before(from), after(to), encoder(to), storedWidth(width),
      columns(std::move(columns)),
      width(this->columns.empty() ? width
                                  : static_cast<int64_t>(this->columns.size())),
      method(std::move(method)), arithmetic(std::move(arithmetic)),
      errors(rows) {
  if (this->method.gram)
    this->method.gram->join();
}

void RowRecoder::finish() {
  if (method.gram)
    method.gram->leave();
  errors = {getError()};
}

/// Decodes a row of whole blocks.
static void decodeRow(const BlockDecoder &decoder, const uint8_t *bytes,
                      MutableArrayRef<float> numbers) {
  const NumberFormat &format = decoder.getFormat();
  for (size_t k = 0; k < numbers.size(); k += format.blockElements)
    decoder.decode(bytes + k / format.blockElements * format.blockBytes,
                   numbers.data() + k);
}

/// What is left of a stored row.
void RowRecoder::decodeStored(ArrayRef<uint8_t> bytes,
                              MutableArrayRef<float> numbers) const {
  if (columns.empty())
    return decodeRow(before, bytes.data(), numbers);
  std::vector<float> all(storedWidth);
  decodeRow(before, bytes.data(), all);
  takeColumns(all, storedWidth, columns);
  copy(all, numbers.begin());
}

Error RowRecoder::encodeRow(ArrayRef<float> numbers,
                            MutableArrayRef<uint8_t> out) const {
  if (method.codes) {
    const CodeFitter *fitter = method.fitter.get();
    if (!fitter)
      if (Error error =
              method.gram->getFitter(*method.codes, width).moveInto(fitter))
        return error;
    return fitter->encode(encoder, after, numbers, out);
  }
  return encodeBlocks(encoder.getFormat(), width, out,
                      [&](int64_t k, uint8_t *block) {
                        return encoder.encode(numbers.data() + k, block);
                      });
}

Error RowRecoder::recodeRow(int64_t row, ArrayRef<float> numbers,
                            MutableArrayRef<uint8_t> out,
                            MutableArrayRef<float> differences) {
  if (Error failed = encodeRow(numbers, out))
    return failed;
  decodeRow(after, out.data(), differences);
  RecodingError &error = errors[row];
  for (auto [was, is] : zip_equal(numbers, differences)) {
    // What is not finite stays as it is (in f16 and bf16).
    if (!std::isfinite(was))
      continue;
    double difference = double(was) - double(is);
    error.squaredError += difference * difference;
    error.squaredNorm += double(was) * double(was);
    error.largest = std::max(error.largest, std::fabs(difference));
  }
  for (auto [was, is] : zip_equal(numbers, differences))
    is = was - is;
  return Error::success();
}

void RowRecoder::measureProducts(int64_t first, ArrayRef<float> numbers,
                                 ArrayRef<float> differences) {
  ArrayRef<float> gram = method.gram->getNumbers();
  for (auto [row, form] : enumerate(quadraticForms(gram, width, differences)))
    errors[first + row].squaredOutputError = form;
  for (auto [row, form] : enumerate(quadraticForms(gram, width, numbers)))
    errors[first + row].squaredOutputNorm = form;
}

Error RowRecoder::recode(int64_t first, ArrayRef<uint8_t> bytes,
                         std::vector<uint8_t> &out) {
  auto rowBytes = [](const NumberFormat &format, int64_t elements) {
    return elements / format.blockElements * format.blockBytes;
  };
  int64_t from = rowBytes(before.getFormat(), storedWidth);
  int64_t to = rowBytes(after.getFormat(), width);
  int64_t count = int64_t(bytes.size()) / from;
  out.resize(count * to);
  // Products of several rows are measured together.
  const int64_t together = std::max<int64_t>(16, arithmetic.getRowsTogether());
  std::vector<float> buffer(together * width), differences(together * width);
  for (int64_t start = 0; start < count; start += together) {
    int64_t rows = std::min(together, count - start);
    auto numbers = MutableArrayRef(buffer).take_front(rows * width);
    for (int64_t i = 0; i < rows; ++i)
      decodeStored(bytes.slice((start + i) * from, from),
                   numbers.slice(i * width, width));
    arithmetic.apply(first + start, width, numbers);
    for (int64_t i = 0; i < rows; ++i) {
      int64_t row = start + i;
      if (Error error =
              recodeRow(first + row, numbers.slice(i * width, width),
                        MutableArrayRef(out).slice(row * to, to),
                        MutableArrayRef(differences).slice(i * width, width)))
        return createStringError("row " + Twine(first + row) + ", " +
                                 toString(std::move(error)));
    }
    if (method.gram)
      measureProducts(first + start, numbers,
                      ArrayRef(differences).take_front(rows * width));
  }
  return Error::success();
}

RecodingError RowRecoder::getError() const {
  RecodingError total;
  for (const RecodingError &row : errors)
    total.add(row);
  return total;
}
