//===- Registry.h - What the tools on MLIR text know ------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_REGISTRY_REGISTRY_H
#define WINNOW_TOOLS_REGISTRY_REGISTRY_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace winnow {

/// Registers the dialects of programs before and after every pass, and all
/// passes and pipelines: what winnow-opt, winnow-reduce and winnow-lsp-server
/// have in common.
void registerTools(mlir::DialectRegistry &registry);

} // namespace winnow

#endif // WINNOW_TOOLS_REGISTRY_REGISTRY_H
