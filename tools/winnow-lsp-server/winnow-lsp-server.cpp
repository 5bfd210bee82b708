//===- winnow-lsp-server.cpp - Editors' view of winnow IR -----------------===//

#include "Registry.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  winnow::registerTools(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
