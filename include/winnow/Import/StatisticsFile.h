//===- StatisticsFile.h - Reads what a calibration wrote --------*- C++ -*-===//

#ifndef WINNOW_IMPORT_STATISTICSFILE_H
#define WINNOW_IMPORT_STATISTICSFILE_H

#include "winnow/Import/Checkpoint.h"

#include "mlir/IR/BuiltinAttributes.h"

namespace winnow {

/// A file of statistics (docs/Statistics.md). It has to outlive the attribute,
/// whose large arrays are not copied.
class StatisticsFile {
public:
  /// Maps and checks a file of the model with the content hash `model`: kinds,
  /// shapes, finite numbers.
  static llvm::Expected<std::unique_ptr<StatisticsFile>>
  open(llvm::StringRef path, llvm::StringRef model);

  /// The value of `winnow.statistics`; see Analysis/Statistics.h.
  mlir::DictionaryAttr getAttribute(mlir::MLIRContext *context) const;
  /// The beginning of each text; empty in files that have none.
  llvm::ArrayRef<std::string> getTextSample() const { return sample; }

private:
  struct Value {
    std::string key;
    llvm::SmallVector<int64_t> shape;
    llvm::ArrayRef<float> numbers;
  };

  llvm::Error read(llvm::StringRef model);
  llvm::Error readSample(llvm::StringRef text);

  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::string model;
  int64_t tokens = 0;
  std::vector<Value> values;
  std::vector<std::pair<std::string, std::string>> readers;
  std::vector<std::string> sample;
};

} // namespace winnow

#endif // WINNOW_IMPORT_STATISTICSFILE_H
