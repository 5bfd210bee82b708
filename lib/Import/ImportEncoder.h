//===- ImportEncoder.h - From directories to encoders -----------*- C++ -*-===//

#ifndef WINNOW_LIB_IMPORT_IMPORTENCODER_H
#define WINNOW_LIB_IMPORT_IMPORTENCODER_H

#include "winnow/Import/HuggingFaceConfig.h"
#include "winnow/Import/Import.h"

namespace winnow {

/// Whether "model_type" names a family of encoders.
bool isEncoder(llvm::StringRef modelType);

/// Imports the encoder in `directory`, whose config.json `reader` reads.
llvm::Expected<ImportedModel> importEncoder(mlir::MLIRContext *context,
                                            llvm::StringRef directory,
                                            HuggingFaceConfig &reader);

/// The WordPiece vocabulary of tokenizer.json, or else of vocab.txt and
/// tokenizer_config.json; nothing where the directory has neither.
llvm::Expected<std::optional<TokenizerData>>
readWordPiece(llvm::StringRef directory);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_IMPORTENCODER_H
