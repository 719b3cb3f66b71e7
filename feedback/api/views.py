"""The vocabulary of feedback, for those who build forms of their own."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.api.serializers import TaxonomySerializer
from jarvish_regen.api.schema import errors
from jarvish_regen.api.views import ApiView
from jarvish_regen.content.taxonomy import taxonomy


class TaxonomyView(ApiView):
    """Categories, issue codes, severities, suggested actions."""

    @extend_schema(
        operation_id="taxonomy_retrieve",
        summary="Read the vocabulary of feedback",
        tags=["feedback"],
        responses={200: TaxonomySerializer, **errors(401, 429)},
    )
    def get(self, request: Request) -> Response:
        words = taxonomy()
        categories = [
            {
                "code": category.code,
                "title": category.title,
                "issues": [{"code": issue.code, "title": issue.title} for issue in category.issues],
            }
            for category in words.categories.values()
        ]
        return Response(
            {
                "version": words.version,
                "categories": categories,
                "severities": list(words.severities),
                "suggested_actions": list(words.suggested_actions),
            }
        )
