//===- winnow-opt.cpp - Runs passes on winnow IR --------------------------===//

#include "Registry.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  winnow::registerTools(registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Winnow optimizer driver\n", registry));
}
