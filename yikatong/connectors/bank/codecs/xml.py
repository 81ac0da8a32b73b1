"""XML from a stranger, read without entities, network or huge trees; and our own, written."""

from __future__ import annotations

from lxml import etree

from yikatong.connectors.bank.refusals import BadRow, BadText


def parsed(plain: bytes, name: str) -> etree._Element:
    """The root element. A document type is refused: nothing of ours has one.

    Raises:
        BadText: not well formed, or with a document type.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_pis=True
    )
    try:
        root = etree.fromstring(plain, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise BadText(name, "内容不是完整的 XML。") from None
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise BadText(name, "XML 带有文档类型声明，不予采用。")
    return root


def find(parent: etree._Element, path: str, name: str) -> etree._Element:
    """The element at that path, in whatever namespace. Raises BadRow where it is missing."""
    found = parent.find(_anywhere(path))
    if found is None:
        raise BadRow(name, f"缺少 {path}。")
    return found


def text_at(parent: etree._Element, path: str) -> str:
    """Its text; '' where there is none."""
    return (parent.findtext(_anywhere(path)) or "").strip()


def sub(parent: etree._Element, tag: str, text: str | None = None) -> etree._Element:
    """A new last child, in the parent's namespace."""
    namespace = etree.QName(parent).namespace
    made = etree.SubElement(parent, f"{{{namespace}}}{tag}" if namespace else tag)
    made.text = text
    return made


def serialised(root: etree._Element, encoding: str) -> bytes:
    written = etree.tostring(root, xml_declaration=True, encoding=encoding)
    return written if isinstance(written, bytes) else written.encode(encoding)


def _anywhere(path: str) -> str:
    return "/".join(f"{{*}}{step}" for step in path.split("/"))
