"""NumPy arrays as Arrow arrays and back, without `pa.array` and `Array.to_numpy`: their first call imports pandas."""

import numpy as np
import pyarrow as pa


def from_numpy(array: np.ndarray) -> pa.Array:
    """A one-dimensional array of numbers, sharing its memory."""
    array = np.ascontiguousarray(array)
    return pa.Array.from_buffers(pa.from_numpy_dtype(array.dtype), len(array), [None, pa.py_buffer(array)])


def to_numpy(array: pa.Array) -> np.ndarray:
    """The numbers of an array without nulls, sharing its memory."""
    values = np.frombuffer(array.buffers()[1], dtype=array.type.to_pandas_dtype())
    return values[array.offset : array.offset + len(array)]


def frozen(array: np.ndarray) -> np.ndarray:
    """A contiguous read-only view: kernels are compiled once, for memory-mapped arrays and for others alike."""
    view = np.ascontiguousarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view


def binary(data: np.ndarray, offsets: np.ndarray) -> pa.LargeBinaryArray:
    """Byte strings data[offsets[i]:offsets[i + 1]]; data uint8, offsets int64 [n + 1]."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def lists(offsets: np.ndarray, values: np.ndarray) -> pa.LargeListArray:
    """Lists values[offsets[i]:offsets[i + 1]]; offsets int64 [n + 1]."""
    kind = pa.large_list(pa.from_numpy_dtype(values.dtype))
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets))]
    return pa.Array.from_buffers(kind, len(offsets) - 1, buffers, children=[from_numpy(values)])


def bytes_of(strings: pa.LargeStringArray | pa.LargeBinaryArray) -> tuple[np.ndarray, np.ndarray]:
    """(data, offsets): all bytes as uint8 and the int64 [n + 1] borders of the strings in them, not copied."""
    _, offsets, data = strings.buffers()
    borders = np.frombuffer(offsets, dtype=np.int64)[strings.offset : strings.offset + len(strings) + 1]
    return np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, np.uint8), borders


def without_dictionary(column: pa.DictionaryArray) -> pa.Array:
    """The values that a dictionary stands for; views, which pyarrow 26 cannot take, as large strings or binaries."""
    values = column.dictionary
    for is_view, kind in (
        (pa.types.is_string_view, pa.large_string()),
        (pa.types.is_binary_view, pa.large_binary()),
    ):
        if is_view(values.type):
            column = pa.DictionaryArray.from_arrays(column.indices, values.cast(kind))
    return column.cast(column.type.value_type)
