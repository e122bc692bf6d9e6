"""A hint to the processor, for kernels: fetch into the cache what will be read soon.

Reads at random places of memory wait a hundred times longer than reads of the cache, one after the other where each
decides on a branch. Asked for together beforehand they wait together.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

_NAME = "llvm.prefetch.p0i8"


def _prefetch(typing_context: Any, array: Any, row: Any) -> Any:
    """Ask for the cache line where a row of a C-contiguous array of one or two dimensions begins.

    A row that is outside the array does no harm.
    """

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        found = context.make_array(kind)(context, builder, arguments[0])
        step = builder.extract_value(found.strides, 0)
        start = builder.ptrtoint(found.data, ir.IntType(64))
        place = builder.add(start, builder.mul(step, arguments[1]))
        pointer = builder.inttoptr(place, ir.IntType(8).as_pointer())
        i32 = ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [pointer.type, i32, i32, i32])
        hint = builder.module.globals.get(_NAME) or ir.Function(builder.module, form, _NAME)
        builder.call(hint, [pointer, i32(0), i32(3), i32(1)])  # to read, keep in all caches, data
        return context.get_dummy_value()

    return types.void(array, types.int64), written


prefetch: Any = intrinsic(_prefetch)
