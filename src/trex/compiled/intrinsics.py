"""Machine instructions that numba has no name for. Rows and offsets are int64 and are not checked."""

import sys

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_INT = ir.IntType(32)
_PAGE, _LARGE, _HUGEPAGE = 4096, 4 << 20, 14  # the last is Linux's MADV_HUGEPAGE


def _address(context, builder, array_type, array, row):
    array = context.make_array(array_type)(context, builder, array)
    offset = builder.mul(row, builder.extract_value(array.strides, 0))
    return builder.gep(builder.bitcast(array.data, cgutils.voidptr_t), [offset])


@intrinsic
def prefetch(typing_context, array, row):
    """Ask for the memory of array[row] without waiting for it."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature.args[0], *arguments)
        kind = ir.FunctionType(ir.VoidType(), [address.type, _INT, _INT, _INT])
        instruction = builder.module.declare_intrinsic("llvm.prefetch", (address.type,), kind)
        builder.call(instruction, [address, _INT(0), _INT(3), _INT(1)])  # to read, keep it, data
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@intrinsic
def load8(typing_context, array, offset):
    """The eight bytes array[offset:offset + 8] of a contiguous uint8 array as a little-endian uint64."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature.args[0], *arguments)
        word = builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(array, types.int64), generate


@intrinsic
def store8(typing_context, array, offset, word):
    """Write a uint64 to the eight bytes array[offset:offset + 8] of a contiguous uint8 array, lowest first."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], builder.bitcast(address, ir.IntType(64).as_pointer())).align = 1
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@intrinsic
def trailing_zeros(typing_context, bits):
    """How many of the lowest bits of a uint64 are 0, int64; 64 of 0."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def bytes_reversed(typing_context, word):
    """A uint64 with its first byte last, so that words of text compare as numbers."""

    def generate(context, builder, signature, arguments):
        return builder.bswap(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def on_huge_pages(typing_context, array):
    """Ask Linux to put an array of 4 MB or more on huge pages, before it is written to, as numpy does with its own.

    Places all over a large table are then read without a search for their page."""

    def generate(context, builder, signature, arguments):
        if sys.platform == "linux":
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            word = context.get_value_type(types.intp)
            first = builder.ptrtoint(array.data, word)
            end = builder.add(first, builder.mul(array.nitems, array.itemsize))
            whole = word(-_PAGE)
            first = builder.and_(builder.add(first, word(_PAGE - 1)), whole)
            size = builder.sub(builder.and_(end, whole), first)
            kind = ir.FunctionType(_INT, [cgutils.voidptr_t, word, _INT])
            madvise = cgutils.get_or_insert_function(builder.module, kind, "madvise")
            with builder.if_then(builder.icmp_signed(">=", size, word(_LARGE))):
                builder.call(madvise, [builder.inttoptr(first, cgutils.voidptr_t), size, _INT(_HUGEPAGE)])
        return context.get_dummy_value()

    return types.void(array), generate
