//===- KvCacheOps.td - Ops on the KV cache -----------------*- tablegen -*-===//

#ifndef WINNOW_KV_CACHE_OPS
#define WINNOW_KV_CACHE_OPS

include "winnow/OpBase.td"

def Winnow_KvAppendOp : Winnow_KvOp<"kv_append", [AllTypesMatch<["cache", "result"]>,
    DeclareOpInterfaceMethods<Winnow_CostOpInterface>]> {
  let summary = "Store the keys and values of new tokens";
  let arguments = (ins Winnow_KvCacheType:$cache, Winnow_Heads:$key,
    Winnow_Heads:$value, Winnow_Ids:$positions, Winnow_Ids:$segments);
  let results = (outs Winnow_KvCacheType:$result);
  let assemblyFormat = [{
    $cache `,` $key `,` $value `at` $positions `,` $segments attr-dict `:`
    type($cache) `,` type($key) `,` type($value) `,` type($positions) `,` type($segments)
  }];
  let hasVerifier = 1;
}

def Winnow_KvViewOp : Winnow_KvOp<"kv_view"> {
  let summary = "Read a cache as tensors";
  let arguments = (ins Winnow_KvCacheType:$cache);
  let results = (outs Winnow_Heads:$key, Winnow_Heads:$value,
    Winnow_Ids:$positions, Winnow_Ids:$segments);
  let assemblyFormat = [{
    $cache attr-dict `:` type($cache) `->` type($key) `,` type($value) `,`
    type($positions) `,` type($segments)
  }];
  let hasVerifier = 1;
}

def Winnow_KvTruncateOp : Winnow_KvOp<"kv_truncate", [AllTypesMatch<["cache", "result"]>]> {
  let summary = "Forget all slots from a length on";
  let arguments = (ins Winnow_KvCacheType:$cache, I64:$length);
  let results = (outs Winnow_KvCacheType:$result);
  let assemblyFormat = "$cache `to` $length attr-dict `:` type($cache)";
}

#endif // WINNOW_KV_CACHE_OPS
