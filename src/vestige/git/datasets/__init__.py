"""git-annex and DataLad datasets: content that comes and goes, branches that are adjusted, subdatasets."""
