//===- Types.td - Types of the winnow dialect --------------*- tablegen -*-===//

#ifndef WINNOW_TYPES
#define WINNOW_TYPES

include "mlir/IR/AttrTypeBase.td"
include "winnow/Dialect.td"

class Winnow_Type<string name, string typeMnemonic>
    : TypeDef<Winnow_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Winnow_KvCacheType : Winnow_Type<"KvCache", "kv_cache"> {
  let summary = "The keys and values that one attention layer has stored";
  let description = [{
    #### Semantics

    A cache of one layer and one sequence: an ordered list of *slots*. Slot j
    holds a key (heads × key_dim), a value (heads × value_dim), the position
    and the segment of the token that wrote it. The length is the number of
    slots written, at most `capacity`. Length and positions belong to this
    cache alone: layers may store different tokens.

    A value of this type is a state: every op that changes a cache consumes one
    value and produces the next; each value has at most one consuming user.

    #### Numerics

    How numbers are stored, and what is read where x was stored:

    ```
    f32     x
    bf16    the bf16 number nearest to x, ties to even; beyond the largest of
            them infinity
    i8      code * scale, with one scale, f32, for the numbers of a head and
            slot: scale = amax / 127, code = round-to-nearest-even(x * (127 / amax)),
            amax the largest magnitude of these numbers
    ```

    Every operation of i8 is rounded to f32, so that a number is off by at most
    half a step, amax / 254, beyond rounding. A slot of a head takes channels * 4,
    channels * 2, or channels + 4 bytes.

    #### Corner cases

    A new cache has length 0. A large capacity costs address space and no memory
    until slots are written. NaN is read where NaN was stored. i8: amax < 2^-120
    is read as zeros; where there is a NaN or an infinity, the whole head of that
    slot is read as NaN.

    #### Inputs

    None.

    #### Attributes

    - A1 `heads`: key heads.
    - A2 `key_dim`, `value_dim`: channels of a key and of a value.
    - A3 `key`, `value`: how numbers are stored: f32, bf16 or i8.
    - A4 `capacity`: slots at most.

    #### Results

    None.

    #### Constraints

    - C1 heads, key_dim and value_dim are positive.
    - C2 capacity is a positive multiple of 16.
    - C3 key and value are f32, bf16 or i8.
    - C4 All slots together have fewer than 2^63 bytes.

    #### Invariants

    - V1 Slots below the length never change.
    - V2 f32, bf16: what is read, stored again, is read the same.

    #### Example

    ```mlir
    func.func private @kv_cache(
        !winnow.kv_cache<heads = 1, key_dim = 256, value_dim = 256, key = f32, value = f32, capacity = 8192>,
        !winnow.kv_cache<heads = 1, key_dim = 256, value_dim = 256, key = i8, value = bf16, capacity = 8192>)
    ```
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$keyDim,
                        "int64_t":$valueDim, "::mlir::Type":$keyType,
                        "::mlir::Type":$valueType, "int64_t":$capacity);
  let assemblyFormat = [{
    `<` `heads` `=` $heads `,` `key_dim` `=` $keyDim `,` `value_dim` `=`
    $valueDim `,` `key` `=` $keyType `,` `value` `=` $valueType `,`
    `capacity` `=` $capacity `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes of the key (value) of one slot and head, with its scale.
    int64_t getKeyBytes() const;
    int64_t getValueBytes() const;
    /// Bytes of one slot: all heads, but not position and segment.
    int64_t getSlotBytes() const {
      return getHeads() * (getKeyBytes() + getValueBytes());
    }
  }];
}

#endif // WINNOW_TYPES
