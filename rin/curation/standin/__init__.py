"""A stand-in outpatient archive: DICOM studies, reports and key images, as a PACS exports them.

It has the layout of a real export and is read by the same code.  It shows that curation works
and how good the search of the reports is on wording that is known; it says nothing about
medicine.
"""

from rin.curation.standin.archive_files import VERSION, write_archive

__all__ = ["VERSION", "write_archive"]
