"""What a cohort is: attributes, label convention, the folder on disk, splits by subject, preprocessing, readers and writers."""

from synthcmr.cohort.cohort import Cohort as Cohort
