//===- CheckOps.td - Expectations inside test programs -----*- tablegen -*-===//

#ifndef WINNOW_TEST_CHECKOPS
#define WINNOW_TEST_CHECKOPS

include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"

def Check_Dialect : Dialect {
  let name = "check";
  let cppNamespace = "::winnow::check";
  let summary = "Expectations inside test programs";
  let description = [{
    Ops for tests of the interpreter: each compares values and is an error where
    they differ. Registered in `winnow-opt` of builds with tests.
  }];
}

class Check_Op<string mnemonic, list<Trait> traits = []>
    : Op<Check_Dialect, mnemonic, traits>;

def Check_ExpectEqOp : Check_Op<"expect_eq", [SameTypeOperands]> {
  let summary = "Expect equal elements";
  let description = [{
    Shapes and all elements are equal. NaN equals NaN; the zeros are equal.
  }];
  let arguments = (ins AnyType:$actual, AnyType:$expected);
  let assemblyFormat = "$actual `,` $expected attr-dict `:` type($actual)";
}

def Check_ExpectAlmostEqOp : Check_Op<"expect_almost_eq", [SameTypeOperands]> {
  let summary = "Expect elements within a bound";
  let description = [{
    Shapes are equal, and |actual − expected| ≤ absolute + relative ·
    |expected| for each pair of elements. Infinities are equal to themselves,
    NaN equals NaN.
  }];
  let arguments = (ins AnyType:$actual, AnyType:$expected,
    DefaultValuedAttr<F64Attr, "0.0">:$relative,
    DefaultValuedAttr<F64Attr, "0.0">:$absolute);
  let assemblyFormat = "$actual `,` $expected attr-dict `:` type($actual)";
}

def Check_ExpectSaneOp : Check_Op<"expect_sane"> {
  let summary = "Expect neither NaN nor infinity";
  let arguments = (ins AnyType:$actual);
  let assemblyFormat = "$actual attr-dict `:` type($actual)";
}

#endif // WINNOW_TEST_CHECKOPS
