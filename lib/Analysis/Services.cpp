//===- Services.cpp - What passes ask of the program around them ----------===//

#include "winnow/Analysis/Services.h"

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/DialectInterface.h"

using namespace mlir;

namespace winnow {

namespace {
/// Where a context keeps its services: an interface of the dialect winnow.
struct ServicesSlot : public DialectInterface::Base<ServicesSlot> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ServicesSlot)

  explicit ServicesSlot(Dialect *dialect) : Base(dialect) {}

  const Services *services = nullptr;
};
} // namespace

static ServicesSlot *findSlot(MLIRContext &context) {
  auto *dialect = context.getLoadedDialect<WinnowDialect>();
  return dialect ? dialect->getRegisteredInterface<ServicesSlot>() : nullptr;
}

ServicesScope::ServicesScope(MLIRContext &context, const Services &services)
    : context(context), services(services) {
  if (!findSlot(context))
    context.getOrLoadDialect<WinnowDialect>()->addInterface<ServicesSlot>();
  ServicesSlot *slot = findSlot(context);
  before = slot->services;
  slot->services = &this->services;
}

ServicesScope::~ServicesScope() { findSlot(context)->services = before; }

Services getServices(Operation *op) {
  const ServicesSlot *slot = findSlot(*op->getContext());
  return slot && slot->services ? *slot->services : Services();
}

} // namespace winnow
