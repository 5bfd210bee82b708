//===- KernelBuilder.h - Writes kernels at vector level ---------*- C++ -*-===//
//
// A thin layer over OpBuilder for the kernels of lib/Codegen/Cpu. Kernels work
// on `!llvm.ptr` and i64 byte offsets, loop with scf.for over i64, and compute
// on vectors of 16 lanes whatever the target: LLVM splits them where registers
// are narrower. Loop-carried values are rank-1 vectors, which LLVM keeps in
// registers; loops that stream memory are left rolled (an unrolled body lets
// the scheduler scramble the order of loads).
//
// Numbers never depend on the target: every kernel uses the same sequence of
// IEEE operations, fused where it says `fma`, on all of them.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CODEGEN_CPU_KERNELBUILDER_H
#define WINNOW_CODEGEN_CPU_KERNELBUILDER_H

#include "winnow/Codegen/Cpu/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace winnow::cpu {

/// Lanes of every vector of 32-bit elements.
inline constexpr int64_t kLanes = 16;

class KernelBuilder {
public:
  using Value = mlir::Value;
  using ValueRange = mlir::ValueRange;
  using Values = llvm::SmallVector<mlir::Value>;

  /// Writes a new private function `name` at the end of `module`. Its
  /// arguments are available as arg(i); finish() ends it.
  KernelBuilder(mlir::ModuleOp module, const Target &target,
                llvm::StringRef name, mlir::TypeRange argumentTypes);

  /// Returns `name` if the module has it already.
  static mlir::func::FuncOp lookup(mlir::ModuleOp module, llvm::StringRef name);

  Value arg(unsigned index);
  mlir::func::FuncOp finish();

  const Target &target() const { return cpuTarget; }
  /// The builder underneath, for any other op.
  mlir::ImplicitLocOpBuilder &builder() { return b; }

  // Types.
  mlir::Type ptrType(), i1Type(), i8Type(), i16Type(), i32Type(), i64Type();
  mlir::Type f16Type(), bf16Type(), f32Type(), f64Type();
  mlir::VectorType vectorType(mlir::Type element, int64_t lanes = kLanes);

  // Constants. splat* make vectors of kLanes.
  Value i64(int64_t value), i32(int32_t value), f32(float value);
  Value splatI32(int32_t value, int64_t lanes = kLanes);
  Value splatF32(float value, int64_t lanes = kLanes);
  Value splatI8(int8_t value, int64_t lanes = 64);
  /// A vector constant of i32 lanes.
  Value vectorI32(llvm::ArrayRef<int32_t> values);
  Value vectorI8(llvm::ArrayRef<int8_t> values);
  /// The vector 0, 1, ... kLanes - 1.
  Value laneIndex();
  Value nullPtr();

  // Integer arithmetic on i64 (or any equal signless integers or vectors).
  Value add(Value a, Value b), sub(Value a, Value b), mul(Value a, Value b);
  Value add(Value a, int64_t c), mul(Value a, int64_t c);
  Value divU(Value a, int64_t c), remU(Value a, int64_t c);
  Value divU(Value a, Value b), remU(Value a, Value b);
  Value ceilDivU(Value a, int64_t c);
  /// a rounded up to a multiple of c.
  Value roundUp(Value a, int64_t c);
  Value minS(Value a, Value b), maxS(Value a, Value b);
  Value andI(Value a, Value b), orI(Value a, Value b), xorI(Value a, Value b);
  Value shl(Value a, Value b), shrU(Value a, Value b);
  /// Signed comparisons give i1 or a vector of i1.
  Value lessThan(Value a, Value b), lessEqual(Value a, Value b);
  Value equal(Value a, Value b), greaterThan(Value a, Value b);
  Value select(Value condition, Value ifTrue, Value ifFalse);
  Value zext(Value a, mlir::Type type), sext(Value a, mlir::Type type);
  Value trunc(Value a, mlir::Type type);

  // Float arithmetic, scalars or vectors, no fast-math.
  Value addF(Value a, Value b), subF(Value a, Value b), mulF(Value a, Value b);
  Value divF(Value a, Value b);
  /// The larger (smaller) operand; NaN if one of them is.
  Value maxF(Value a, Value b), minF(Value a, Value b);
  Value negF(Value a), absF(Value a), sqrtF(Value a);
  /// Ordered: false where an operand is NaN.
  Value lessThanF(Value a, Value b);
  /// a * b + c, rounded once.
  Value fma(Value a, Value b, Value c);
  Value extF(Value a, mlir::Type type), truncF(Value a, mlir::Type type);
  /// Signed integer to float.
  Value toFloat(Value a, mlir::Type type);
  /// Nearest integer, ties to even. The float form keeps the type.
  Value roundEvenF(Value a);
  Value roundToI32(Value a);
  Value bitcast(Value a, mlir::Type type);
  /// The bits of f32 lanes rounded to bf16 as Formats/Activation.h does, in the
  /// upper halves of i32 lanes; the lower halves hold anything. In integers:
  /// processors' own conversions take denormal numbers for zero.
  Value roundBitsToBf16(Value bits);

  // Pointers and memory. Offsets are in bytes.
  Value offset(Value ptr, Value bytes), offset(Value ptr, int64_t bytes);
  Value load(mlir::Type type, Value ptr, unsigned alignment = 1);
  void store(Value value, Value ptr, unsigned alignment = 1);
  /// The first `count` lanes only (count: i64, any value); other lanes read as
  /// zero and are not touched in memory.
  Value loadFirst(mlir::VectorType type, Value ptr, Value count);
  void storeFirst(Value value, Value ptr, Value count);
  /// Elements of f32 at `ptr`, one for each lane of `indices` (i32).
  Value gather(Value ptr, Value indices);
  /// A mask of the first `count` lanes.
  Value firstLanes(Value count, int64_t lanes = kLanes);
  /// A read prefetch into all cache levels.
  void prefetch(Value ptr);
  void memoryCopy(Value to, Value from, Value bytes);
  void memoryClear(Value to, Value bytes);

  // Vectors.
  Value broadcast(Value scalar, int64_t lanes = kLanes);
  /// Loads a scalar and broadcasts it (an embedded broadcast in AVX-512).
  Value loadSplat(mlir::Type element, Value ptr, int64_t lanes = kLanes);
  Value extract(Value vector, int64_t lane);
  Value insert(Value scalar, Value vector, int64_t lane);
  Value slice(Value vector, int64_t first, int64_t lanes);
  Value shuffle(Value a, Value b, llvm::ArrayRef<int64_t> lanes);
  /// Sums and maxima over lanes by a fixed tree (halves, then quarters, ...),
  /// so that the result does not depend on the target.
  Value reduceAdd(Value vector), reduceMax(Value vector);
  Value reduceAddI(Value vector), reduceMaxI(Value vector);

  /// acc[lane] + sum over j < 4 of u8[4 lane + j] * s8[4 lane + j], exact in
  /// i32. `u8`, `s8`: vector<64xi8>; acc: vector<16xi32>. No u8 exceeds
  /// `largest`, and no s8 is -128. vpdpbusd where the target has it, else
  /// vpmaddubsw where that cannot saturate.
  Value dot4(Value acc, Value u8, Value s8, int64_t largest = 255);

  // Control flow. Bounds are i64. `unroll = false` keeps a loop rolled.
  using LoopBody = llvm::function_ref<Values(Value iv, ValueRange carried)>;
  Values forLoop(Value from, Value to, Value step, ValueRange init,
                 LoopBody body, bool unroll = true);
  void forLoop(Value from, Value to, Value step,
               llvm::function_ref<void(Value iv)> body, bool unroll = true);
  void ifThen(Value condition, llvm::function_ref<void()> then);
  Values ifElse(Value condition, mlir::TypeRange types,
                llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);
  /// The share [first, last) of `count` items that `thread` of `threads` does:
  /// contiguous, differing by at most one item.
  std::pair<Value, Value> share(Value count, Value thread, Value threads);

  Values call(mlir::func::FuncOp callee, ValueRange arguments);
  /// An LLVM intrinsic by its full name, e.g. "llvm.x86.avx512.vpdpbusd.512".
  Value intrinsic(llvm::StringRef name, mlir::Type result,
                  ValueRange arguments);

  // Elementary functions on vectors or scalars of f32 (VectorMath.cpp).
  /// e^x: relative error below 2e-7; -inf gives 0, NaN stays NaN.
  Value exp(Value x);
  Value tanh(Value x);
  Value erf(Value x);
  Value log(Value x);
  /// (sin x, cos x) of f64 lanes, |x| < 2^31, as f32, absolute error below
  /// 1e-7.
  std::pair<Value, Value> sinCos(Value x);

  /// True where dot4 is one instruction.
  bool hasDot4() const {
    return cpuTarget.avx512Vnni || (!cpuTarget.avx512 && cpuTarget.avxVnni);
  }
  /// How many quads of u8 up to `largest` dotWords may add before foldWords; 0
  /// where dot4 is one instruction or nothing is gained.
  int64_t wordQuads(int64_t largest) const;
  /// words[lane] + u8[2 lane] * s8[2 lane] + u8[2 lane + 1] * s8[2 lane + 1] in
  /// 16 bits. `words`: vector<32xi16>, null for zero.
  Value dotWords(Value words, Value u8, Value s8);
  /// Bytes of `s8` with the sign changed where those of `sign` are negative,
  /// zero where they are zero: one instruction of AVX2, none of AVX-512.
  Value changeSign(Value s8, Value sign);
  /// acc[lane] + words[2 lane] + words[2 lane + 1].
  Value foldWords(Value acc, Value words);

private:
  /// A function of vectors of 512 bits where registers have only 256.
  Value inHalves(mlir::ValueRange operands,
                 llvm::function_ref<Value(mlir::ValueRange)> function);
  /// The same on as many lanes as a register holds, without AVX-512 VNNI.
  Value pairProducts(Value u8, Value s8);
  Value pairSums(Value words, int16_t factor);
  Value dot4Register(Value acc, Value u8, Value s8, int64_t largest);

  const Target &cpuTarget;
  mlir::ImplicitLocOpBuilder b;
  mlir::func::FuncOp function;
};

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_KERNELBUILDER_H
