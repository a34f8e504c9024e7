"""Docstrings and signatures of the compiled modules, taken from their stubs when they are built.

A stub (`_name.pyi`) is what editors and type checkers read, so the text stands there, once. Cython
puts it into the module that it makes of `_name.pyx`: `help()`, IPython and `inspect.signature` show
the same. It takes the place of the step of Cython that writes C signatures into docstrings.
"""

import ast
import multiprocessing
import os
from inspect import cleandoc
from itertools import zip_longest

from Cython.Compiler import AutoDocTransforms
from Cython.Compiler.StringEncoding import EncodedString


def texts_of(body):
    """The docstring of each name in a stub's module or class: of overloads, the first that is."""
    found = {}
    for node, after in zip_longest(body, body[1:]):
        match node, after:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef(), _:
                found[node.name] = found.get(node.name) or ast.get_docstring(node)
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                found[name] = cleandoc(text)
    return {name: text for name, text in found.items() if text}


def signature(name, arguments):
    """The first line of a docstring, by which CPython knows the signature, and does not show it."""
    return f"{name}({arguments})\n--\n\n"


class FromStub(AutoDocTransforms.EmbedSignature):
    def visit_ModuleNode(self, node):
        path = os.path.splitext(node.pos[0].filename)[0] + ".pyi"
        body = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as stub:
                body = ast.parse(stub.read()).body
        self.classes = {cls.name: cls for cls in body if isinstance(cls, ast.ClassDef)}
        self.texts = texts_of(body)
        self.visitchildren(node)
        return node

    def describe(self, holder, name, before=""):
        if text := before + self.texts.get(name, ""):
            holder.doc = EncodedString(text)

    def visit_CClassDefNode(self, node):
        if (cls := self.classes.get(node.class_name)) is not None:
            outer, self.texts = self.texts, texts_of(cls.body)
            said = any(getattr(member, "name", "") == "__init__" for member in cls.body)
            self.arguments = "" if said else None
            self.visitchildren(node)
            self.texts = outer
            line = "" if self.arguments is None else signature(cls.name, self.arguments)
            self.describe(node.entry.type.scope, cls.name, line)
        return node

    def visit_FuncDefNode(self, node):
        function = getattr(node, "py_func", None) or node  # that of a cpdef
        name = getattr(function, "name", "")
        if name == "__init__":
            self.arguments = self.arguments_of(node, hide_self=True)
        elif name and not node.entry.is_special:  # CPython's own text stands there
            self.describe(function.entry, name, signature(name, self.arguments_of(function)))
        return node

    def arguments_of(self, node, hide_self=False):
        """Names and defaults: those of the source, not the stub's."""
        self.is_format_c = self.is_format_python = False
        self.is_format_clinic = True
        positional, named = node.num_posonly_args, node.num_kwonly_args
        others = len(node.args) - positional - named
        return ", ".join(
            self._fmt_arglist(
                node.args, positional, others, node.star_arg, named, node.starstar_arg, hide_self
            )
        )

    visit_DefNode = visit_CFuncDefNode = visit_FuncDefNode

    def _fmt_expr(self, node):
        text = super()._fmt_expr(node)
        try:
            ast.literal_eval(text)
        except ValueError:
            return "..."  # `inspect` knows literals only
        return text

    def visit_PropertyNode(self, node):
        self.describe(node.entry, node.name)
        return node


def take_from_stubs():
    """From here on, in this process and in the ones that `cythonize` forks off it."""
    multiprocessing.set_start_method("fork", force=True)  # a spawned one would not know of it
    AutoDocTransforms.EmbedSignature = FromStub
