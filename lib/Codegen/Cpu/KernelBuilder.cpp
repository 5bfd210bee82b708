//===- KernelBuilder.cpp - Writes kernels at vector level -----------------===//

#include "winnow/Codegen/Cpu/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace winnow::cpu {

KernelBuilder::KernelBuilder(ModuleOp module, const Target &target,
                             StringRef name, TypeRange argumentTypes)
    : cpuTarget(target), b(module.getLoc(), module.getContext()) {
  b.setInsertionPointToEnd(module.getBody());
  function =
      func::FuncOp::create(b, name, b.getFunctionType(argumentTypes, {}));
  function.setPrivate();
  b.setInsertionPointToStart(function.addEntryBlock());
}

func::FuncOp KernelBuilder::lookup(ModuleOp module, StringRef name) {
  return module.lookupSymbol<func::FuncOp>(name);
}

Value KernelBuilder::arg(unsigned index) { return function.getArgument(index); }

func::FuncOp KernelBuilder::finish() {
  func::ReturnOp::create(b);
  return function;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

Type KernelBuilder::ptrType() {
  return LLVM::LLVMPointerType::get(b.getContext());
}
Type KernelBuilder::i1Type() { return b.getI1Type(); }
Type KernelBuilder::i8Type() { return b.getI8Type(); }
Type KernelBuilder::i16Type() { return b.getIntegerType(16); }
Type KernelBuilder::i32Type() { return b.getI32Type(); }
Type KernelBuilder::i64Type() { return b.getI64Type(); }
Type KernelBuilder::f16Type() { return b.getF16Type(); }
Type KernelBuilder::bf16Type() { return b.getBF16Type(); }
Type KernelBuilder::f32Type() { return b.getF32Type(); }
Type KernelBuilder::f64Type() { return b.getF64Type(); }

VectorType KernelBuilder::vectorType(Type element, int64_t lanes) {
  return VectorType::get({lanes}, element);
}

/// `type` with its element type replaced.
static Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return VectorType::get(vector.getShape(), element);
  return element;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value KernelBuilder::i64(int64_t value) {
  return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
}
Value KernelBuilder::i32(int32_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
}
Value KernelBuilder::f32(float value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
}
Value KernelBuilder::splatI32(int32_t value, int64_t lanes) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vectorType(i32Type(), lanes), value));
}
Value KernelBuilder::splatF32(float value, int64_t lanes) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vectorType(f32Type(), lanes), value));
}
Value KernelBuilder::splatI8(int8_t value, int64_t lanes) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vectorType(i8Type(), lanes), value));
}
Value KernelBuilder::vectorI32(ArrayRef<int32_t> values) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vectorType(i32Type(), values.size()), values));
}
Value KernelBuilder::vectorI8(ArrayRef<int8_t> values) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vectorType(i8Type(), values.size()), values));
}
Value KernelBuilder::laneIndex() {
  SmallVector<int32_t> lanes(kLanes);
  for (int32_t lane = 0; lane < kLanes; ++lane)
    lanes[lane] = lane;
  return vectorI32(lanes);
}
Value KernelBuilder::nullPtr() { return LLVM::ZeroOp::create(b, ptrType()); }

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Value KernelBuilder::add(Value a, Value c) {
  return arith::AddIOp::create(b, a, c);
}
Value KernelBuilder::sub(Value a, Value c) {
  return arith::SubIOp::create(b, a, c);
}
Value KernelBuilder::mul(Value a, Value c) {
  return arith::MulIOp::create(b, a, c);
}
Value KernelBuilder::add(Value a, int64_t c) { return c ? add(a, i64(c)) : a; }
Value KernelBuilder::mul(Value a, int64_t c) {
  return c == 1 ? a : mul(a, i64(c));
}
Value KernelBuilder::divU(Value a, Value c) {
  return arith::DivUIOp::create(b, a, c);
}
Value KernelBuilder::remU(Value a, Value c) {
  return arith::RemUIOp::create(b, a, c);
}
Value KernelBuilder::divU(Value a, int64_t c) {
  return c == 1 ? a : divU(a, i64(c));
}
Value KernelBuilder::remU(Value a, int64_t c) { return remU(a, i64(c)); }
Value KernelBuilder::ceilDivU(Value a, int64_t c) {
  return divU(add(a, c - 1), c);
}
Value KernelBuilder::roundUp(Value a, int64_t c) {
  return mul(ceilDivU(a, c), c);
}
Value KernelBuilder::minS(Value a, Value c) {
  return arith::MinSIOp::create(b, a, c);
}
Value KernelBuilder::maxS(Value a, Value c) {
  return arith::MaxSIOp::create(b, a, c);
}
Value KernelBuilder::andI(Value a, Value c) {
  return arith::AndIOp::create(b, a, c);
}
Value KernelBuilder::orI(Value a, Value c) {
  return arith::OrIOp::create(b, a, c);
}
Value KernelBuilder::xorI(Value a, Value c) {
  return arith::XOrIOp::create(b, a, c);
}
Value KernelBuilder::shl(Value a, Value c) {
  return arith::ShLIOp::create(b, a, c);
}
Value KernelBuilder::shrU(Value a, Value c) {
  return arith::ShRUIOp::create(b, a, c);
}
Value KernelBuilder::lessThan(Value a, Value c) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, a, c);
}
Value KernelBuilder::lessEqual(Value a, Value c) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::sle, a, c);
}
Value KernelBuilder::equal(Value a, Value c) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, a, c);
}
Value KernelBuilder::greaterThan(Value a, Value c) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, a, c);
}
Value KernelBuilder::select(Value condition, Value ifTrue, Value ifFalse) {
  return arith::SelectOp::create(b, condition, ifTrue, ifFalse);
}
Value KernelBuilder::zext(Value a, Type type) {
  return a.getType() == type ? a : Value(arith::ExtUIOp::create(b, type, a));
}
Value KernelBuilder::sext(Value a, Type type) {
  return a.getType() == type ? a : Value(arith::ExtSIOp::create(b, type, a));
}
Value KernelBuilder::trunc(Value a, Type type) {
  return a.getType() == type ? a : Value(arith::TruncIOp::create(b, type, a));
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

Value KernelBuilder::addF(Value a, Value c) {
  return arith::AddFOp::create(b, a, c);
}
Value KernelBuilder::subF(Value a, Value c) {
  return arith::SubFOp::create(b, a, c);
}
Value KernelBuilder::mulF(Value a, Value c) {
  return arith::MulFOp::create(b, a, c);
}
Value KernelBuilder::divF(Value a, Value c) {
  return arith::DivFOp::create(b, a, c);
}
Value KernelBuilder::maxF(Value a, Value c) {
  return arith::MaximumFOp::create(b, a, c);
}
Value KernelBuilder::minF(Value a, Value c) {
  return arith::MinimumFOp::create(b, a, c);
}
Value KernelBuilder::negF(Value a) { return arith::NegFOp::create(b, a); }
Value KernelBuilder::absF(Value a) { return math::AbsFOp::create(b, a); }
Value KernelBuilder::sqrtF(Value a) { return math::SqrtOp::create(b, a); }
Value KernelBuilder::lessThanF(Value a, Value c) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, a, c);
}
Value KernelBuilder::fma(Value a, Value x, Value c) {
  return math::FmaOp::create(b, a, x, c);
}
Value KernelBuilder::extF(Value a, Type type) {
  return a.getType() == type ? a : Value(arith::ExtFOp::create(b, type, a));
}
Value KernelBuilder::truncF(Value a, Type type) {
  return a.getType() == type ? a : Value(arith::TruncFOp::create(b, type, a));
}
Value KernelBuilder::toFloat(Value a, Type type) {
  return arith::SIToFPOp::create(b, type, a);
}
Value KernelBuilder::roundEvenF(Value a) {
  return math::RoundEvenOp::create(b, a);
}
Value KernelBuilder::roundBitsToBf16(Value bits) {
  Value odd = andI(shrU(bits, splatI32(16)), splatI32(1));
  Value rounded = add(add(bits, splatI32(0x7fff)), odd);
  Value magnitude = andI(bits, splatI32(INT32_MAX));
  Value isNaN = greaterThan(magnitude, splatI32(0x7f800000));
  return select(isNaN, orI(bits, splatI32(0x400000)), rounded);
}

Value KernelBuilder::roundToI32(Value a) {
  return arith::FPToSIOp::create(b, withElement(a.getType(), i32Type()),
                                 roundEvenF(a));
}
Value KernelBuilder::bitcast(Value a, Type type) {
  if (a.getType() == type)
    return a;
  if (isa<VectorType>(a.getType()) && isa<VectorType>(type))
    return vector::BitCastOp::create(b, type, a);
  return LLVM::BitcastOp::create(b, type, a);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value KernelBuilder::offset(Value ptr, Value bytes) {
  return LLVM::GEPOp::create(b, ptrType(), i8Type(), ptr,
                             ArrayRef<LLVM::GEPArg>{bytes});
}
Value KernelBuilder::offset(Value ptr, int64_t bytes) {
  return bytes ? offset(ptr, i64(bytes)) : ptr;
}
Value KernelBuilder::load(Type type, Value ptr, unsigned alignment) {
  return LLVM::LoadOp::create(b, type, ptr, alignment);
}
void KernelBuilder::store(Value value, Value ptr, unsigned alignment) {
  LLVM::StoreOp::create(b, value, ptr, alignment);
}

Value KernelBuilder::firstLanes(Value count, int64_t lanes) {
  // Clamped before the truncation to 32 bits, so that any count is right.
  Value clamped = maxS(minS(count, i64(lanes)), i64(0));
  SmallVector<int32_t> indices(lanes);
  for (int64_t lane = 0; lane < lanes; ++lane)
    indices[lane] = lane;
  return lessThan(vectorI32(indices),
                  broadcast(trunc(clamped, i32Type()), lanes));
}

Value KernelBuilder::gather(Value ptr, Value indices) {
  int64_t lanes = cast<VectorType>(indices.getType()).getNumElements();
  Value pointers =
      LLVM::GEPOp::create(b, vectorType(ptrType(), lanes), f32Type(), ptr,
                          ArrayRef<LLVM::GEPArg>{indices});
  Value mask = arith::ConstantOp::create(
      b, DenseElementsAttr::get(vectorType(i1Type(), lanes), true));
  return LLVM::masked_gather::create(b, vectorType(f32Type(), lanes), pointers,
                                     mask, ValueRange(),
                                     b.getI32IntegerAttr(4));
}

Value KernelBuilder::loadFirst(VectorType type, Value ptr, Value count) {
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(b, type, ptr,
                                    firstLanes(count, type.getNumElements()),
                                    zero, b.getI32IntegerAttr(1));
}

void KernelBuilder::storeFirst(Value value, Value ptr, Value count) {
  int64_t lanes = cast<VectorType>(value.getType()).getNumElements();
  LLVM::MaskedStoreOp::create(b, value, ptr, firstLanes(count, lanes),
                              b.getI32IntegerAttr(1));
}

void KernelBuilder::prefetch(Value ptr) {
  LLVM::Prefetch::create(b, ptr, /*rw=*/0, /*hint=*/3, /*cache=*/1);
}

void KernelBuilder::memoryCopy(Value to, Value from, Value bytes) {
  LLVM::MemcpyOp::create(b, to, from, bytes, /*isVolatile=*/false);
}
void KernelBuilder::memoryClear(Value to, Value bytes) {
  Value zero = arith::ConstantIntOp::create(b, 0, 8);
  LLVM::MemsetOp::create(b, to, zero, bytes, /*isVolatile=*/false);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

Value KernelBuilder::broadcast(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(b, vectorType(scalar.getType(), lanes),
                                     scalar);
}
Value KernelBuilder::loadSplat(Type element, Value ptr, int64_t lanes) {
  return broadcast(load(element, ptr), lanes);
}
Value KernelBuilder::extract(Value vector, int64_t lane) {
  return vector::ExtractOp::create(b, vector, lane);
}
Value KernelBuilder::insert(Value scalar, Value vector, int64_t lane) {
  return vector::InsertOp::create(b, scalar, vector, lane);
}
Value KernelBuilder::shuffle(Value a, Value c, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(b, a, c, lanes);
}
Value KernelBuilder::slice(Value vector, int64_t first, int64_t lanes) {
  SmallVector<int64_t> indices(lanes);
  for (int64_t lane = 0; lane < lanes; ++lane)
    indices[lane] = first + lane;
  return shuffle(vector, vector, indices);
}

/// Folds the upper half onto the lower one until one lane is left.
template <typename Combine>
static Value reduceByHalves(KernelBuilder &kernel, Value vector,
                            Combine combine) {
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  for (; lanes > 1; lanes /= 2)
    vector = combine(kernel.slice(vector, 0, lanes / 2),
                     kernel.slice(vector, lanes / 2, lanes / 2));
  return kernel.extract(vector, 0);
}

Value KernelBuilder::reduceAdd(Value vector) {
  return reduceByHalves(*this, vector,
                        [&](Value a, Value c) { return addF(a, c); });
}
Value KernelBuilder::reduceMax(Value vector) {
  return reduceByHalves(*this, vector,
                        [&](Value a, Value c) { return maxF(a, c); });
}
Value KernelBuilder::reduceAddI(Value vector) {
  return reduceByHalves(*this, vector,
                        [&](Value a, Value c) { return add(a, c); });
}

Value KernelBuilder::reduceMaxI(Value vector) {
  return reduceByHalves(*this, vector,
                        [&](Value a, Value c) { return maxS(a, c); });
}

Value KernelBuilder::inHalves(ValueRange operands,
                              function_ref<Value(ValueRange)> function) {
  if (cpuTarget.avx512)
    return function(operands);
  Value halves[2];
  for (int64_t half : {0, 1}) {
    Values own;
    for (Value operand : operands) {
      int64_t lanes = cast<VectorType>(operand.getType()).getNumElements() / 2;
      own.push_back(slice(operand, half * lanes, lanes));
    }
    halves[half] = function(own);
  }
  int64_t lanes = cast<VectorType>(halves[0].getType()).getNumElements();
  return shuffle(halves[0], halves[1],
                 llvm::to_vector(llvm::seq<int64_t>(2 * lanes)));
}

Value KernelBuilder::pairProducts(Value u8, Value s8) {
  int64_t lanes = cast<VectorType>(u8.getType()).getNumElements();
  return intrinsic(lanes == 64 ? "llvm.x86.avx512.pmaddubs.w.512"
                               : "llvm.x86.avx2.pmadd.ub.sw",
                   vectorType(i16Type(), lanes / 2), {u8, s8});
}

Value KernelBuilder::pairSums(Value words, int16_t factor) {
  auto type = cast<VectorType>(words.getType());
  int64_t lanes = type.getNumElements();
  Value factors =
      arith::ConstantOp::create(b, DenseElementsAttr::get(type, factor));
  return intrinsic(lanes == 32 ? "llvm.x86.avx512.pmaddw.d.512"
                               : "llvm.x86.avx2.pmadd.wd",
                   vectorType(i32Type(), lanes / 2), {words, factors});
}

Value KernelBuilder::dot4(Value acc, Value u8, Value s8, int64_t largest) {
  if (cpuTarget.avx512Vnni)
    return intrinsic("llvm.x86.avx512.vpdpbusd.512", acc.getType(),
                     {acc, u8, s8});
  return inHalves({acc, u8, s8}, [&](ValueRange operands) -> Value {
    Value acc = operands[0], u8 = operands[1], s8 = operands[2];
    if (!cpuTarget.avx512 && cpuTarget.avxVnni)
      return intrinsic("llvm.x86.avx512.vpdpbusd.256", acc.getType(),
                       {acc, u8, s8});
    // A pair of products stays within 16 bits: 2 * 129 * 127 < 2^15.
    if (largest <= 129)
      return add(acc, pairSums(pairProducts(u8, s8), 1));
    // Seven bits, and the eighth on its own.
    Type bytes = u8.getType();
    int64_t lanes = cast<VectorType>(bytes).getNumElements();
    VectorType words = vectorType(i16Type(), lanes / 2);
    Value seven =
        arith::ConstantOp::create(b, DenseElementsAttr::get(words, int16_t(7)));
    Value low = andI(u8, splatI8(0x7f, lanes));
    Value high = andI(bitcast(shrU(bitcast(u8, words), seven), bytes),
                      splatI8(1, lanes));
    acc = add(acc, pairSums(pairProducts(low, s8), 1));
    return add(acc, pairSums(pairProducts(high, s8), 128));
  });
}

int64_t KernelBuilder::wordQuads(int64_t largest) const {
  if (hasDot4())
    return 0;
  int64_t quads = INT16_MAX / (2 * 127 * largest);
  return quads > 1 ? quads : 0;
}

Value KernelBuilder::dotWords(Value words, Value u8, Value s8) {
  Value products = inHalves({u8, s8}, [&](ValueRange operands) {
    return pairProducts(operands[0], operands[1]);
  });
  return words ? add(words, products) : products;
}

Value KernelBuilder::changeSign(Value s8, Value sign) {
  assert(!cpuTarget.avx512 && "would need masks");
  return inHalves({s8, sign}, [&](ValueRange operands) {
    return intrinsic("llvm.x86.avx2.psign.b", operands[0].getType(), operands);
  });
}

Value KernelBuilder::foldWords(Value acc, Value words) {
  return add(acc, inHalves(words, [&](ValueRange operands) {
               return pairSums(operands[0], 1);
             }));
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

/// Keeps LLVM from unrolling `loop`; the annotation travels to the branch.
static void keepRolled(ImplicitLocOpBuilder &b, Operation *loop) {
  MLIRContext *context = b.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(
      context, /*disable=*/b.getBoolAttr(true), {}, {}, {}, {}, {}, {});
  loop->setAttr("loop_annotation",
                LLVM::LoopAnnotationAttr::get(
                    context, /*disableNonforced=*/{}, /*vectorize=*/{},
                    /*interleave=*/{}, unroll, /*unrollAndJam=*/{},
                    /*licm=*/{}, /*distribute=*/{}, /*pipeline=*/{},
                    /*peeled=*/{}, /*unswitch=*/{}, /*mustProgress=*/{},
                    /*isVectorized=*/{}, /*startLoc=*/{}, /*endLoc=*/{},
                    /*parallelAccesses=*/{}));
}

KernelBuilder::Values KernelBuilder::forLoop(Value from, Value to, Value step,
                                             ValueRange init, LoopBody body,
                                             bool unroll) {
  // The body is filled after the loop is in its function, so that emitters can
  // find their module.
  auto loop = scf::ForOp::create(b, from, to, step, init);
  {
    OpBuilder::InsertionGuard guard(b);
    Block *block = loop.getBody();
    if (!block->empty()) // Loops without results come with a terminator.
      block->back().erase();
    b.setInsertionPointToEnd(block);
    scf::YieldOp::create(
        b, body(loop.getInductionVar(), loop.getRegionIterArgs()));
  }
  if (!unroll)
    keepRolled(b, loop);
  return Values(loop.getResults());
}

void KernelBuilder::forLoop(Value from, Value to, Value step,
                            function_ref<void(Value)> body, bool unroll) {
  forLoop(
      from, to, step, ValueRange{},
      [&](Value iv, ValueRange) {
        body(iv);
        return Values();
      },
      unroll);
}

void KernelBuilder::ifThen(Value condition, function_ref<void()> then) {
  ifElse(
      condition, {},
      [&] {
        then();
        return Values();
      },
      nullptr);
}

KernelBuilder::Values KernelBuilder::ifElse(Value condition, TypeRange types,
                                            function_ref<Values()> then,
                                            function_ref<Values()> otherwise) {
  auto branch = scf::IfOp::create(b, types, condition,
                                  /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(b);
  auto fill = [&](Block *block, function_ref<Values()> body) {
    // Result-less regions come with their terminator.
    if (!block->empty())
      block->back().erase();
    b.setInsertionPointToEnd(block);
    scf::YieldOp::create(b, body());
  };
  fill(branch.thenBlock(), then);
  if (otherwise)
    fill(branch.elseBlock(), otherwise);
  return Values(branch.getResults());
}

std::pair<Value, Value> KernelBuilder::share(Value count, Value thread,
                                             Value threads) {
  Value first = divU(mul(count, thread), threads);
  Value last = divU(mul(count, add(thread, 1)), threads);
  return {first, last};
}

KernelBuilder::Values KernelBuilder::call(func::FuncOp callee,
                                          ValueRange arguments) {
  return Values(func::CallOp::create(b, callee, arguments).getResults());
}

Value KernelBuilder::intrinsic(StringRef name, Type result,
                               ValueRange arguments) {
  return LLVM::CallIntrinsicOp::create(b, result, b.getStringAttr(name),
                                       arguments)
      .getResult(0);
}

} // namespace winnow::cpu
