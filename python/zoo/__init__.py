# SPDX-License-Identifier: Apache-2.0
"""The zoo: small training problems drawn from stated distributions, races recorded on them, and what is fitted to the races.

A tool of the repository (Python and torch), not a part of the package.
"""
