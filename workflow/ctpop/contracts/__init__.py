"""The tables of a study, stage by stage; `ctpop.schema` gathers them."""
