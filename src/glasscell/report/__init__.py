"""Reports: what was measured, as one offline page (`page`), pictures (`plots`) and a lesson."""
