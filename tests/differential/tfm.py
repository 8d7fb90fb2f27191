"""The tokenizer calls of include/tfm/tfm.h, by ctypes."""

import ctypes
import os


class _Input(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("text", ctypes.c_char_p),
        ("text_length", ctypes.c_size_t),
        ("pair", ctypes.c_char_p),
        ("pair_length", ctypes.c_size_t),
        ("ids", ctypes.c_void_p),
        ("id_count", ctypes.c_size_t),
    ]


class _Encoding(ctypes.Structure):
    _fields_ = [
        ("count", ctypes.c_size_t),
        ("ids", ctypes.POINTER(ctypes.c_int32)),
        ("types", ctypes.POINTER(ctypes.c_int32)),
        ("begin", ctypes.POINTER(ctypes.c_size_t)),
        ("end", ctypes.POINTER(ctypes.c_size_t)),
        ("sequence", ctypes.POINTER(ctypes.c_uint8)),
        ("kind", ctypes.POINTER(ctypes.c_uint8)),
        ("truncated", ctypes.c_size_t),
    ]


NO_SPECIAL = 1  # TFM_ENCODE_NO_SPECIAL
PLAIN_SPECIAL = 4  # TFM_ENCODE_PLAIN_SPECIAL
ALL = ctypes.c_size_t(-1).value  # no truncation
ADDED = 2  # TFM_TOKEN_ADDED: from here on the tokenizer put it there


def load(build):
    """The library of a build tree, or one that is installed (build None)."""
    name = os.path.join(build, ".libs/libtfm.so") if build else "libtfm.so.0"
    library = ctypes.CDLL(name)
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    for function, result, arguments in (
        ("tfm_error_create", pointer, []),
        ("tfm_error_message", ctypes.c_char_p, [pointer]),
        ("tfm_tokenizer_open", pointer, [ctypes.c_char_p, pointer]),
        ("tfm_tokenizer_destroy", None, [pointer]),
        ("tfm_tokenizer_encode_truncated", integer,
         [pointer, pointer, ctypes.c_uint32, ctypes.c_size_t, pointer, pointer]),
        ("tfm_encoding_destroy", None, [pointer]),
        ("tfm_tokenizer_decode", integer,
         [pointer, pointer, ctypes.c_size_t, ctypes.c_uint32, pointer, pointer, pointer]),
        ("tfm_free", None, [pointer]),
    ):
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library


class Failed(Exception):
    pass


class Tokenizer:
    """A tokenizer of tfm's.  Offsets are bytes."""

    def __init__(self, library, path):
        self.library = library
        self.error = library.tfm_error_create()
        self.handle = library.tfm_tokenizer_open(path.encode(), self.error)
        if not self.handle:
            self._fail()

    def _fail(self):
        raise Failed(self.library.tfm_error_message(self.error).decode())

    def _encode(self, text, pair, special, plain=False, most=None):
        given = _Input(ctypes.sizeof(_Input), text, len(text), pair, len(pair or b""), None, 0)
        encoding = ctypes.POINTER(_Encoding)()
        flags = (0 if special else NO_SPECIAL) | (PLAIN_SPECIAL if plain else 0)
        if self.library.tfm_tokenizer_encode_truncated(
                self.handle, ctypes.byref(given), flags, ALL if most is None else most,
                ctypes.byref(encoding), self.error):
            self._fail()
        return encoding

    def encode(self, text, pair=None, special=True, plain=False, most=None):
        """(ids, types, added, offsets, sequences); text and pair are bytes.  plain:
        special tokens in them are text; most: truncated to so many tokens."""
        encoding = self._encode(text, pair, special, plain, most)
        e = encoding.contents
        n = e.count
        result = (e.ids[:n], e.types[:n], [int(k >= ADDED) for k in e.kind[:n]],
                  list(zip(e.begin[:n], e.end[:n])), e.sequence[:n])
        self.library.tfm_encoding_destroy(encoding)
        return result

    def count(self, text, special=True):
        """How many tokens, and nothing else: for measuring."""
        encoding = self._encode(text, None, special)
        n = encoding.contents.count
        self.library.tfm_encoding_destroy(encoding)
        return n

    def decode(self, ids, skip_special):
        given = (ctypes.c_int32 * len(ids))(*ids)
        text, length = ctypes.c_void_p(), ctypes.c_size_t()
        if self.library.tfm_tokenizer_decode(
                self.handle, given, len(ids), NO_SPECIAL if skip_special else 0,
                ctypes.byref(text), ctypes.byref(length), self.error):
            self._fail()
        result = ctypes.string_at(text, length.value)
        self.library.tfm_free(text)
        return result.decode()

    def close(self):
        self.library.tfm_tokenizer_destroy(self.handle)
